/** As what is written: the last form of this layout, or the first, for what still reads that (specification, section 6.1). */
export type Profile = "final" | "seed";
