/** The form of a key that is redacted as a whole. */
export interface KeyFormat {
  /** The first three characters of whatever has this form: where one of them stands, the form is tried. */
  readonly heads: string;
  readonly pattern: string;
}

/**
 * A key whose first letters are those of ordinary words: it is found by what stands further behind in its prefix,
 * so that those words cost nothing, and the prefix stays.
 */
export interface PrefixedFormat extends KeyFormat {
  /** What of the prefix stands before the head. */
  readonly before: string;
  /** The rest of the prefix. */
  readonly prefix: string;
}

const hexDigits = Array.from("0123456789abcdef");

/** Forms that their issuers document, by their prefixes. */
export const keyFormats: readonly KeyFormat[] = [
  {
    heads: "sk-",
    pattern: "sk-(?:(?:ant|proj|svcacct|admin|or)-[\\w-]{8,}|lf-[0-9a-f-]{36}|[A-Za-z0-9]{20,})",
  },
  { heads: "ghp|gho|ghu|ghs|ghr|git", pattern: "(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,})" },
  {
    heads: "glp|gld|glr|glc|glf|gls|gli|gla|glo",
    pattern:
      "(?:gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas)-[\\w.-]{16,}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})",
  },
  { heads: "AKI|ASI|ABI|ACC", pattern: "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])" },
  { heads: "AIz|ya2|GOC", pattern: "(?:AIza[\\w-]{35}|ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{20,})" },
  {
    heads: "xox|xap|xai",
    pattern: "(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\\d-[A-Za-z0-9-]{10,}|xai-[A-Za-z0-9]{20,})",
  },
  {
    heads: "sk_|rk_|pk_|whs",
    pattern: "(?:[srp]k_(?:live|test)_[A-Za-z0-9]{16,}|sk_[0-9a-f]{40,}|whsec_[A-Za-z0-9+/=]{16,})",
  },
  { heads: "npm|AGE", pattern: "(?:npm_[A-Za-z0-9]{30,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})" },
  { heads: "sb_|sbp", pattern: "(?:sb_secret_[\\w-]{16,}|sbp_[A-Za-z0-9_]{20,})" },
  // Bounded, because the scan goes on from the next letters where no second part follows.
  { heads: "eyJ", pattern: "eyJ[\\w-]{8,1024}\\.eyJ[\\w-]{8,}(?:\\.[\\w-]*)?" },
  { heads: "shp|rub", pattern: "(?:shp(?:at|ca|pa|ss|ua|tka)_[0-9a-fA-F]{32,}|rubygems_[0-9a-f]{48})" },
  { heads: "PMA|NRA", pattern: "(?:PMAK-[0-9a-f]{24}-[0-9a-f]{34}|NRAK-[A-Z0-9]{27})" },
  { heads: hexDigits.map((digit) => `SK${digit}`).join("|"), pattern: "SK[0-9a-f]{32}(?![A-Za-z0-9])" },
  {
    heads: "hf_|gsk|r8_|ntn",
    pattern: "(?:hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{36,}|ntn_[A-Za-z0-9]{40,})",
  },
  { heads: "SG.|tfp", pattern: "(?:SG\\.[\\w-]{16,32}\\.[\\w-]{32,64}|tfp_[\\w-]{40,})" },
  // In base 64 it may stand behind any slash, and what begins so may be a number that goes on with zeros.
  { heads: "EAA", pattern: "(?<![/+])EAA(?!A{5})[A-Za-z0-9_-]{60,}" },
  { heads: "pyp|sq0|AQV", pattern: "(?:pypi-AgEI[\\w-]{50,}|sq0(?:atp|csp)-[\\w-]{22,}|AQVN[\\w-]{35,})" },
  {
    heads: "hvs|hvb|hvr|dp.",
    pattern: "(?:hv[sbr]\\.[\\w-]{20,}|dp\\.(?:pt|st|ct|sa|scim|audit)\\.[\\w-]{40,})",
  },
  {
    heads: "lsv|sgp",
    pattern: "(?:lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40})",
  },
  {
    heads: "tsk|psc",
    pattern: "(?:tskey-[a-z]{2,16}-[A-Za-z0-9-]{20,}|pscale_(?:tkn|pw|oauth)_[\\w-]{30,})",
  },
  { heads: "CCI|HRK", pattern: "(?:CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}|HRKU-AA[\\w-]{50,})" },
  { heads: "sec", pattern: "secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])" },
];

/** Forms of which the prefix stays. */
export const prefixedFormats: readonly PrefixedFormat[] = [
  { before: "do[opr]", heads: "_v1", prefix: "_v1_", pattern: "[0-9a-f]{64}" },
  { before: "d", heads: "api", prefix: "api", pattern: "[0-9a-f]{32}" },
  { before: "lin_", heads: "api", prefix: "api_", pattern: "[A-Za-z0-9]{32}" },
  { before: "", heads: "api", prefix: "api_org_", pattern: "[A-Za-z0-9]{34}" },
  { before: "nv", heads: "api", prefix: "api-", pattern: "[\\w-]{40}" },
  { before: "fi", heads: "gd_", prefix: "gd_", pattern: "[\\w-]{36}" },
  {
    before: "ke",
    heads: hexDigits.map((digit) => `y-${digit}`).join("|"),
    prefix: "y-",
    pattern: "[0-9a-f]{32}(?![A-Za-z0-9])",
  },
  { before: "p", heads: "ul-", prefix: "ul-", pattern: "[0-9a-f]{40}" },
  { before: "pp", heads: "lx-", prefix: "lx-", pattern: "[A-Za-z0-9]{40}" },
  { before: "dc", heads: "kr_", prefix: "kr_[op]at_", pattern: "[\\w-]{20}" },
  { before: "AT[AC]", heads: "TT3", prefix: "TT3", pattern: "[\\w=-]{40}" },
  { before: "[A-Za-z0-9]{14}\\.atlas", heads: "v1.", prefix: "v1\\.", pattern: "[\\w-]{60}" },
  { before: "(?:ops|sntrys)_", heads: "eyJ", prefix: "", pattern: "eyJ[\\w+/=-]{8}" },
  { before: "sntr", heads: "yu_", prefix: "yu_", pattern: "[0-9a-f]{64}" },
  { before: "shi", heads: "ppo", prefix: "ppo_(?:live|test)_", pattern: "[0-9a-f]{40}" },
  {
    before: "pat-",
    heads: "na1|na2|eu1|eu2",
    prefix: "(?:na|eu)\\d-",
    pattern: "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
  },
  { before: "\\d{8,10}", heads: ":AA", prefix: ":", pattern: "AA[\\w-]{33}" },
];
