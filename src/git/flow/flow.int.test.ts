import { afterEach, describe, expect, it } from "vitest";
import { flowLayouts, FlowRepository } from "../../../test/git/flow-repository.ts";

let flow: FlowRepository;
afterEach(async () => {
  await flow.linked.fsckClean();
  flow[Symbol.dispose]();
});

describe.each(flowLayouts)("the flow with the layout %s", (layout) => {
  it("one session and one commit", async () => {
    flow = await FlowRepository.make(layout);
    const agent = flow.agent("s-1");
    await agent.start();
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    console.log(await flow.work(), flow.log);
    const seen = await flow.see(id);
    console.log(JSON.stringify(seen?.root, null, 1), JSON.stringify(seen?.sessions, null, 1), seen?.stored.findings);
    expect(seen).not.toBeNull();
  });
});
