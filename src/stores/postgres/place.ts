import { HoldfastError } from "../../core/errors.ts";

/** Where a store is: a server's database and a schema in it. */
export class Place {
  /** Without credentials. */
  readonly url: string;
  readonly schema: string;
  readonly #texts = new Map<string, string>();

  constructor({ url, schema = "holdfast" }: { readonly url: string; readonly schema?: string | undefined }) {
    this.url = url;
    this.schema = checkedSchema(schema);
  }

  /** The channel that tells of commits. */
  get channel(): string {
    return this.schema;
  }

  /** A statement with the schema's name where it has `hf.`. */
  qualified(sql: string): string {
    const known = this.#texts.get(sql);
    if (known !== undefined) return known;
    const text = sql.replaceAll(/\bhf\./g, `"${this.schema}".`);
    if (this.#texts.size < maxTexts) this.#texts.set(sql, text);
    return text;
  }
}

// More texts than the driver has; a list's filters make some dozens.
const maxTexts = 1000;

// Unquoted by whoever types it by hand, and short enough that the server never cuts it.
function checkedSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith("pg_")) return schema;
  throw new HoldfastError({
    code: "store_url_invalid",
    message: `No schema can have the name ${JSON.stringify(schema.slice(0, 80))}.`,
    next: "Name one with a-z, 0-9 and _, of at most 63 characters, such as holdfast.",
  });
}
