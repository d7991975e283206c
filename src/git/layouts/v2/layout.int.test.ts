import { checkpointSuite } from "../../../../test/git/checkpoint-suite.ts";
import { layoutsUnderTest } from "../../../../test/git/layouts.ts";

checkpointSuite(layoutsUnderTest["v2"]!);
