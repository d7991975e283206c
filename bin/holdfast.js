#!/usr/bin/env node
// No static import and no new syntax here: an old Node must be able to parse this file to be told it is old.
var parts = process.versions.node.split(".").map(Number);

if (parts[0] < 22 || (parts[0] === 22 && parts[1] < 13)) {
  process.stderr.write(
    "holdfast needs Node 22.13 or newer (this is " +
      process.versions.node +
      "); install it from https://nodejs.org or run it through npx in a checkout, which brings Node 24.\n",
  );
  process.exit(2);
} else {
  void start();
}

async function start() {
  var argument = process.argv[2];
  if (process.argv.length === 3 && (argument === "--version" || argument === "-V")) {
    var fs = await import("node:fs");
    var manifest = fs.readFileSync(new URL("../package.json", import.meta.url), "utf8");
    process.stdout.write(JSON.parse(manifest).version + "\n");
    return;
  }
  silenceWarnings();
  var nodeModule = await import("node:module");
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
  var cli = await import("../dist/cli/main.js");
  await cli.main(process.argv);
}

// node:sqlite announces itself as experimental on every start, and the Claude Agent SDK says of each session that asks
// nothing that nobody is asked; every other warning still gets through.
function silenceWarnings() {
  var emitWarning = process.emitWarning;
  process.emitWarning = function (warning) {
    var message = typeof warning === "string" ? warning : warning.message;
    if (/SQLite is an experimental feature|^canUseTool will not be invoked/.test(message)) return;
    return emitWarning.apply(process, arguments);
  };
}
