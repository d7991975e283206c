export { storeSuite, type StoreSuiteParams, type SuiteRunner } from "./testing/store-suite/index.ts";
