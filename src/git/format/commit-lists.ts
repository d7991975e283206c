/** The lists of a checkpoint's root whose entries name a commit by `sha`, and how many each keeps; the newest are last. */
export const commitLists = { linked_commits: 200, commit_anchors: 100 } as const;
