/** x */
export class KnownLogs {}
