import { checkpointSuite } from "../../../test/git/checkpoint-suite.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";

for (const layout of Object.values(layoutsUnderTest)) checkpointSuite(layout);
