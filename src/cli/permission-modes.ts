/** The permission modes of the Claude Agent SDK. */
export const permissionModes = ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"] as const;
