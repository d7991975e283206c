import { olderLayout, readFlowSettings } from "./flow/flow-settings.ts";
import { DualStore } from "./dual-write.ts";
import type { Repository } from "./plumbing/repository.ts";
import { faultOf } from "./layouts/object-fault.ts";
import { openLayout } from "./layouts/open-layout.ts";
import { PushQueue } from "./push/queue.ts";
import { repairRef } from "./repair/refs.ts";
import { whyOutOfReach } from "./repair/out-of-reach.ts";
import { mendable, repairRecord } from "./repair/records.ts";
import type { CheckpointFinding } from "./verify/found.ts";
import { verifyCheckpoints, type VerifyParams } from "./verify.ts";

export interface RepairParams extends VerifyParams {
  readonly dryRun?: boolean;
}

/** One thing that was mended, or would be. */
export interface Repair {
  readonly where: string;
  readonly id?: string;
  readonly sentence: string;
}

export interface RepairReport {
  readonly dryRun: boolean;
  readonly repairs: readonly Repair[];
  /** What cannot be mended without inventing data, or need not be. */
  readonly left: readonly CheckpointFinding[];
}

/**
 * Mends what can be mended without inventing data: what is missing is made of what is there, nothing is deleted, and
 * what is in the way is moved aside. @throws checkpoint_invalid for what is no id
 */
export async function repairCheckpoints(params: RepairParams): Promise<RepairReport> {
  const { repository, dryRun = false } = params;
  const { findings } = await verifyCheckpoints(params);
  const [repairs, left]: [Repair[], CheckpointFinding[]] = [[], []];
  const records = new Map<string, CheckpointFinding[]>();
  const outOfReach = findings.some(isOfRef) ? await whyOutOfReach(repository) : null;
  for (const finding of findings) {
    const { code, layout, id, where } = finding;
    if (isOfRef(finding)) {
      const done = await repairRef(repository, { ref: where, dryRun, mayComeBack: outOfReach !== null });
      if (done === null) left.push(keptRef(finding, outOfReach));
      else if (done.length === 0) left.push(finding);
      else repairs.push(...done);
    } else if (id !== undefined && (layout === "git-refs" || layout === "git-branch") && mendable.has(code))
      records.set(`${layout} ${id}`, [...(records.get(`${layout} ${id}`) ?? []), finding]);
    else if (code !== "mirror_behind") left.push(finding);
  }
  for (const group of records.values()) {
    const done = await repairRecord(repository, { findings: group, dryRun }).catch((error: unknown) => {
      // What stands in the way of mending is among the findings that are left.
      if (faultOf(error) === undefined) throw error;
      return [];
    });
    if (done.length > 0) repairs.push(...done);
    else left.push(...group);
  }
  const behind = findings.filter(({ code }) => code === "mirror_behind");
  if (behind.length > 0) await repairMirrors({ repository, behind, dryRun, repairs, left });
  return { dryRun, repairs, left };
}

function isOfRef({ layout, code }: CheckpointFinding): boolean {
  return layout === "git-refs" && (code === "ref_dangling" || code === "shard_wrong");
}

function keptRef(finding: CheckpointFinding, outOfReach: string | null): CheckpointFinding {
  return {
    ...finding,
    sentence: `${finding.sentence} The ref is kept: ${outOfReach}.`,
    next: "Bring what it names within reach, or delete the ref with `git update-ref -d`.",
  };
}

async function repairMirrors({
  repository,
  behind,
  dryRun,
  repairs,
  left,
}: {
  repository: Repository;
  behind: readonly CheckpointFinding[];
  dryRun: boolean;
  repairs: Repair[];
  left: CheckpointFinding[];
}): Promise<void> {
  const settings = await readFlowSettings(repository);
  if (settings === undefined) return void left.push(...behind);
  const failed = new Set<string>();
  if (!dryRun) {
    const queue = new PushQueue(repository.commonDir);
    const ulidMirrors = settings.layout === "git-refs";
    const older = olderLayout(settings);
    const store = new DualStore({
      repository,
      primary: openLayout(repository, settings.layout),
      ...(older === undefined ? {} : { older: openLayout(repository, older) }),
      mirrors: settings.mirrors.map((layout) => openLayout(repository, layout, { allowUlids: ulidMirrors })),
      ulidMirrors,
      onMirrored: (_, { refs }) => queue.add(refs),
      onBehind: ({ layout, id }) => failed.add(`${layout} ${id}`),
    });
    const also = behind.flatMap(({ layout, id }) =>
      layout === undefined || id === undefined ? [] : [{ layout, id }],
    );
    await store.heal({ also });
  }
  for (const finding of behind) {
    const { layout = "v2", id = "" } = finding;
    if (failed.has(`${layout} ${id}`)) left.push(finding);
    else
      repairs.push({
        where: layout,
        id,
        sentence: `The mirror ${layout} is brought to what the primary has.`,
      });
  }
}
