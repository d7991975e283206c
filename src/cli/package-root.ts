/** The folder of the installed package: the same distance from src/cli/ as from dist/cli/. */
export const packageRoot = new URL("../../", import.meta.url);
