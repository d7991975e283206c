import { expect, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { openPostgresStore } from "./index.ts";

const schemas = testSchemas();

test("Workers that claim at one moment, a run a project, all get one where each project has work.", async () => {
  const store = await openPostgresStore({ url: schemas.next(), connections: 8 });
  const projects = ["p1", "p2", "p3", "p4"];
  for (const project of projects)
    for (const name of ["a", "b"])
      await store.admit({ session: { project, session: name }, key: "k", body: "{}" });
  const claims = await Promise.all(
    projects.map((worker) => store.claim({ worker, leaseMs: 60_000, maxRunsPerProject: 1 })),
  );
  await store.close();
  expect(new Set(claims.map((claim) => claim?.run.project))).toEqual(new Set(projects));
});
