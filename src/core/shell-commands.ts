/** One simple command of a line of shell, with what joins it to the one before. */
export interface ShellCommand {
  /** Its words without quotes; assignments before it are left out. */
  readonly words: readonly string[];
  readonly piped: boolean;
}

/**
 * The simple commands of a shell's text, in order: enough to see which programs it starts by name. Quotes, comments and
 * here-documents are skipped; undefined where it holds what cannot be told without running it.
 */
export function shellCommands(text: string): readonly ShellCommand[] | undefined {
  if (text.length > maxLength) return undefined;
  const reader = new ShellReader(text);
  return reader.read() ? reader.commands.filter(({ words }) => words.length > 0) : undefined;
}

const maxLength = 100_000;

class ShellReader {
  readonly commands: { words: string[]; piped: boolean }[] = [{ words: [], piped: false }];
  readonly #text: string;
  /** Words that end here-documents which begin with the next line. */
  readonly #documents: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text.replaceAll("\\\n", " ");
  }

  read(): boolean {
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === "\n") {
        this.#at += 1;
        this.#next(false);
        if (!this.#skipDocuments()) return false;
      } else if (char === " " || char === "\t") this.#at += 1;
      else if (char === "#") this.#at = this.#endOfLine();
      else if (isRedirection.test(this.#rest(16))) this.#redirect();
      else if (";&|".includes(char)) this.#join();
      // Groups, subshells and what is put in by the shell may hold any command.
      else if ("(){}`".includes(char)) return false;
      else if (!this.#word()) return false;
    }
    return this.#documents.length === 0;
  }

  #rest(length: number): string {
    return this.#text.slice(this.#at, this.#at + length);
  }

  #endOfLine(): number {
    const end = this.#text.indexOf("\n", this.#at);
    return end === -1 ? this.#text.length : end;
  }

  #join(): void {
    const [joint] = /^[;&|]+/.exec(this.#rest(2))!;
    this.#at += joint.length;
    this.#next(joint === "|" || joint === "|&");
  }

  #next(piped: boolean): void {
    this.commands.push({ words: [], piped });
  }

  #redirect(): void {
    const [found] = isRedirection.exec(this.#rest(16))!;
    this.#at += found.length;
    const document = /(?:^|[^<])<<-?$/.test(found);
    if (/[<>]&$/.test(found)) return void (this.#at += /^[\d-]*/.exec(this.#rest(8))![0].length);
    while (" \t".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
    const words = this.commands.at(-1)!.words;
    const count = words.length;
    if (!this.#word()) return;
    const [target = ""] = words.splice(count);
    if (document) this.#documents.push(target);
  }

  #skipDocuments(): boolean {
    for (const end of this.#documents.splice(0)) {
      for (;;) {
        if (this.#at >= this.#text.length) return false;
        const line = this.#text.slice(this.#at, this.#endOfLine());
        this.#at = Math.min(this.#endOfLine() + 1, this.#text.length);
        if (line.replace(/^\t+/, "") === end) break;
      }
    }
    return true;
  }

  /** Reads one word; an assignment before a command is none of its words. */
  #word(): boolean {
    let word = "";
    let quoted = false;
    while (this.#at < this.#text.length && !/[\s;&|<>(){}`]/.test(this.#text[this.#at]!)) {
      const char = this.#text[this.#at]!;
      if (char === "'" || char === '"') {
        const part = this.#quoted(char);
        if (part === undefined) return false;
        word += part;
        quoted = true;
      } else if (char === "\\") {
        word += this.#text[this.#at + 1] ?? "";
        this.#at += 2;
      } else if (char === "$" && "({".includes(this.#text[this.#at + 1] ?? "x")) return false;
      else {
        word += char;
        this.#at += 1;
      }
    }
    const { words } = this.commands.at(-1)!;
    if (words.length === 0 && !quoted && /^[A-Za-z_]\w*=/.test(word)) return true;
    if (word !== "" || quoted) words.push(word);
    return true;
  }

  /** The text in quotes; undefined where they do not end. What the shell puts in stays as it is written. */
  #quoted(quote: string): string | undefined {
    const from = (this.#at += 1);
    for (let depth = 0; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#text[this.#at]!;
      if (char === "\\" && quote === '"') this.#at += 1;
      else if (quote === '"' && this.#rest(2) === "$(") depth += 1;
      else if (depth > 0 && char === ")") depth -= 1;
      else if (depth === 0 && char === quote) return this.#text.slice(from, this.#at++);
    }
    return undefined;
  }
}

// Before a word: with its number, and with what it is made of.
const isRedirection = /^(?:\d|&)?(?:<<-|<<<|<<|>>|>\||[<>]&|[<>])/;
