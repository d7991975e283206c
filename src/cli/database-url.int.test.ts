import { existsSync } from "node:fs";
import postgres from "postgres";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { first, project, second, turn, user } from "../../test/cli/transcripts.ts";
import { testSchemas } from "../../test/postgres/schemas.ts";

const schemas = testSchemas();
let home: Home;
let url: string;

beforeEach(() => {
  home = new Home();
  url = schemas.next();
  home.transcript(project, first, turn);
});
afterEach(() => home[Symbol.dispose]());

describe("DATABASE_URL", () => {
  it("names the store of every command once its database holds one", async () => {
    const env = { DATABASE_URL: url };
    expect((await home.runInside(["import", "--store", "env:DATABASE_URL"], { env })).code).toBe(0);
    home.transcript(project, second, [user("o1", null, "x", 1)]);
    expect((await home.runInside(["import"], { env })).code).toBe(0);
    const { stdout } = await home.runInside(["list"], { env });
    for (const id of [first, second]) expect(stdout).toContain(id.slice(0, 8));
    expect((await home.runInside(["doctor"], { env })).stdout).toContain("postgres://");
    expect(existsSync(home.database)).toBe(false);
  });

  it("is left alone where its database holds none: the default file is used, and doctor says so", async () => {
    const env = { DATABASE_URL: url };
    expect((await home.runInside(["import"], { env })).code).toBe(0);
    expect(existsSync(home.database)).toBe(true);
    expect((await home.runInside(["list"], { env })).stdout).toContain(first.slice(0, 8));
    const { code, stdout } = await home.runInside(["doctor"], { env });
    expect(code).toBe(0);
    expect(stdout).toContain("database-url: DATABASE_URL is not used: its database holds no store");
    const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
    const made =
      await sql`SELECT FROM pg_namespace WHERE nspname = ${new URL(url).searchParams.get("schema")}`;
    await sql.end();
    expect(made).toHaveLength(0);
  });

  it("whose server cannot be reached fails the command, and says how to choose another store", async () => {
    const env = { DATABASE_URL: "postgres://me:secret-word@127.0.0.1:1/app" };
    for (const command of ["list", "import"]) {
      const { code, stderr } = await home.runInside([command], { env });
      expect(code).toBe(1);
      expect(stderr).toContain("DATABASE_URL");
      expect(stderr).toContain("--store, HOLDFAST_STORE or the config file");
      expect(stderr).not.toContain("secret-word");
    }
    expect(existsSync(home.database)).toBe(false);
  });

  it("is not looked at where a store is named, or where it is no PostgreSQL database", async () => {
    const unreachable = { DATABASE_URL: "postgres://127.0.0.1:1/app" };
    const named = await home.runInside(["import", "--store", home.database], { env: unreachable });
    expect(named.code).toBe(0);
    const env = { DATABASE_URL: "mysql://127.0.0.1:1/app" };
    expect((await home.runInside(["list"], { env })).stdout).toContain(first.slice(0, 8));
  });
});
