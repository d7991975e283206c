/** Whether the tests are to be thorough rather than quick: as `.ci/run` asks, and `npm test` by itself does not. */
export const isLong = process.env["HOLDFAST_LONG_TESTS"] === "1";
