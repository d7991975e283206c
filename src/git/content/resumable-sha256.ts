/** SHA-256 whose state can be kept and taken up again, which the one of node:crypto cannot: so a text that grew is not hashed again. */
export class ResumableSha256 {
  readonly #words = new Int32Array(8);
  readonly #block = new Uint8Array(blockBytes);
  #length = 0;

  /** Begins anew, or where `state` was told. */
  constructor(state?: Sha256State) {
    this.#words.set(state?.words ?? initialWords);
    if (state === undefined) return;
    this.#length = state.length;
    this.#block.set(Buffer.from(state.rest, "base64"));
  }

  update(bytes: Uint8Array): void {
    const buffered = this.#length % blockBytes;
    this.#length += bytes.length;
    let at = 0;
    if (buffered > 0) {
      at = Math.min(blockBytes - buffered, bytes.length);
      this.#block.set(bytes.subarray(0, at), buffered);
      if (buffered + at < blockBytes) return;
      compress(this.#words, this.#block, 0);
    }
    for (; at + blockBytes <= bytes.length; at += blockBytes) compress(this.#words, bytes, at);
    this.#block.set(bytes.subarray(at));
  }

  state(): Sha256State {
    const rest = this.#block.subarray(0, this.#length % blockBytes);
    return { words: [...this.#words], length: this.#length, rest: Buffer.from(rest).toString("base64") };
  }

  /** The hash of what came so far; more may follow. */
  hex(): string {
    const words = this.#words.slice();
    const buffered = this.#length % blockBytes;
    const padded = new Uint8Array(buffered < 56 ? blockBytes : 2 * blockBytes);
    padded.set(this.#block.subarray(0, buffered));
    padded[buffered] = 0x80;
    new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(this.#length) * 8n);
    for (let at = 0; at < padded.length; at += blockBytes) compress(words, padded, at);
    return [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/** Where a hash stands. */
export interface Sha256State {
  readonly words: readonly number[];
  readonly length: number;
  /** What fills no block yet, as base64. */
  readonly rest: string;
}

const blockBytes = 64;
const primes = firstPrimes(64);
const initialWords = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const roundKeys = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const schedule = new Int32Array(64);

function compress(words: Int32Array, bytes: Uint8Array, from: number): void {
  const w = schedule;
  const keys = roundKeys;
  for (let i = 0, at = from; i < 16; i += 1, at += 4)
    w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (((w[i - 16]! + s0) | 0) + ((w[i - 7]! + s1) | 0)) | 0;
  }
  let a = words[0]!;
  let b = words[1]!;
  let c = words[2]!;
  let d = words[3]!;
  let e = words[4]!;
  let f = words[5]!;
  let g = words[6]!;
  let h = words[7]!;
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (((((h + s1) | 0) + (g ^ (e & (f ^ g)))) | 0) + ((keys[i]! + w[i]!) | 0)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  words[0]! += a;
  words[1]! += b;
  words[2]! += c;
  words[3]! += d;
  words[4]! += e;
  words[5]! += f;
  words[6]! += g;
  words[7]! += h;
}

function firstPrimes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/** The first 32 bits behind the point. */
function fraction(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}
