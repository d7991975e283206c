import { describe, expect, it } from "vitest";
import { redactJson, redactText } from "./redaction.ts";

const hex = "0123456789abcdef".repeat(5);
const letters = "aB3dE5fG7h".repeat(12);

// What stays and what goes, put together at run time, so that no scanner takes this file for a leak.
const issued: readonly (readonly [kept: string, secret: string])[] = [
  ["dop_v1_", hex.slice(0, 64)],
  ["dor_v1_", hex.slice(0, 64)],
  ["", `shpat_${hex.slice(0, 32)}`],
  ["", `shpss_${hex.slice(0, 32)}`],
  ["", `shpca_${hex.slice(0, 32)}`],
  ["dapi", hex.slice(0, 32)],
  ["", `rubygems_${hex.slice(0, 48)}`],
  ["", `glsa_${letters.slice(0, 32)}_${hex.slice(0, 8)}`],
  ["", `glc_${letters.slice(0, 40)}`],
  ["", `PMAK-${hex.slice(0, 24)}-${hex.slice(0, 34)}`],
  ["", `SK${hex.slice(0, 32)}`],
  ["figd_", letters.slice(0, 40)],
  ["key-", hex.slice(0, 32)],
  ["", `hf_${letters.slice(0, 34)}`],
  ["api_org_", letters.slice(0, 34)],
  ["", `xai-${letters.slice(0, 80)}`],
  ["", `gsk_${letters.slice(0, 52)}`],
  ["", `r8_${letters.slice(0, 37)}`],
  ["pul-", hex.slice(0, 40)],
  ["dckr_pat_", letters.slice(0, 27)],
  ["ATATT3", letters.slice(0, 60)],
  [`${letters.slice(0, 14)}.atlasv1.`, letters.slice(0, 67)],
  ["lin_api_", letters.slice(0, 40)],
  ["sntrys_", `eyJ${letters.slice(0, 40)}_${letters.slice(0, 20)}`],
  ["sntryu_", hex.slice(0, 64)],
  ["", `SG.${letters.slice(0, 22)}.${letters.slice(0, 43)}`],
  ["", `tfp_${letters.slice(0, 44)}`],
  ["", `EAAG${letters.slice(0, 100)}`],
  ["", `pypi-AgEIcHlwaS5vcmc${letters.slice(0, 60)}`],
  ["shippo_live_", hex.slice(0, 40)],
  ["", `sq0atp-${letters.slice(0, 22)}`],
  ["", `AQVN${letters.slice(0, 36)}`],
  ["", `hvs.${letters.slice(0, 30)}`],
  ["", `NRAK-${"ABCDEFGHI".repeat(3)}`],
  ["", `dp.pt.${letters.slice(0, 43)}`],
  ["", `lsv2_pt_${hex.slice(0, 32)}_${hex.slice(0, 10)}`],
  ["pplx-", letters.slice(0, 48)],
  ["nvapi-", letters.slice(0, 64)],
  ["", `tskey-auth-${letters.slice(0, 12)}-${letters.slice(0, 20)}`],
  ["", `sgp_${hex.slice(0, 40)}`],
  ["pat-na1-", "01234567-89ab-cdef-0123-456789abcdef"],
  ["123456789:", `AA${letters.slice(0, 33)}`],
  ["", `pscale_pw_${letters.slice(0, 40)}`],
  ["", `CCIPAT_${letters.slice(0, 22)}_${hex.slice(0, 40)}`],
  ["", `ntn_${letters.slice(0, 46)}`],
  ["", `secret_${letters.slice(0, 43)}`],
  ["", `sk_${hex.slice(0, 48)}`],
];

describe("the forms of keys", () => {
  it.each(issued)("knows what follows %j and leaves the text around it", (kept, secret) => {
    const escaped = ["\\n", "\\\\t", "\\u0026", "\\x00", "\\u001b[31m", "\\x1b[1;31m"];
    for (const before of ["use ", '"', "\u001b[31m", "é", ...escaped])
      for (const after of [" now", ".", '",'])
        expect(redactText(`${before}${kept}${secret}${after}`)).toBe(`${before}${kept}REDACTED${after}`);
    const once = redactText(`token=${kept}${secret} ${kept}${secret}`);
    expect(redactText(once)).toBe(once);
  });

  it.each([
    `AC${hex.slice(0, 32)}`,
    "key-value pairs and a primary-key-0123456789abcdef",
    `adapi${hex.slice(0, 32)}`,
    `x${hex.slice(0, 20)}SK${hex.slice(0, 32)}`,
    `TASK${hex.slice(0, 32)}`,
    `\\TASK${hex.slice(0, 32)} C:\\tASK${hex.slice(0, 32)} \\dnSK${hex.slice(0, 32)}`,
    "full-text pull-request-to-be-merged-soon",
    "api_organisation_of_our_own_application_names",
    "glsa_ and hf_hub_download and gsk_name and r8_minifier",
    `EAA${"A".repeat(90)}`,
    `/EAA${letters}`,
    "v1.2.3 is in MSG.SG.x and SG.a.b",
  ])("leaves %j, which only resembles one", (text) => {
    expect(redactText(text)).toBe(text);
  });
});

describe("short names of passwords", () => {
  it.each([
    ["environment:\n  DB_PASS: abc12345xyz\n", "environment:\n  DB_PASS: REDACTED\n"],
    ["  SMTP_PWD: secretword\n", "  SMTP_PWD: REDACTED\n"],
    ['{"smtp_pass": "hunter2hunter2"}', '{"smtp_pass": "REDACTED"}'],
    ['{\\"pwd\\":\\"hunter2hunter2\\"}', '{\\"pwd\\":\\"REDACTED\\"}'],
    ["auth: { user: 'me', pass: 'hunter2x' }", "auth: { user: 'me', pass: 'REDACTED' }"],
    ["dbPass = 'correcthorse';", "dbPass = 'REDACTED';"],
    ["pass: hunter2xyz", "pass: REDACTED"],
    ["PASS=hunter2xyz ./run", "PASS=REDACTED ./run"],
    ["tool --pass hunter2hunter2 -v", "tool --pass REDACTED -v"],
    ["tool --db-pass 'correct horse'", "tool --db-pass 'REDACTED'"],
    ["a\\npass: hunter2xyz\\nb", "a\\npass: REDACTED\\nb"],
    ["a\\\\r\\\\nPASS=hunter2xyz\\\\r\\\\n", "a\\\\r\\\\nPASS=REDACTED\\\\r\\\\n"],
    ["a\\u003cpwd='hunter2xyz'", "a\\u003cpwd='REDACTED'"],
    ["\\u001b[1mpass: hunter2xyz", "\\u001b[1mpass: REDACTED"],
    ["\u001b[1mpass: hunter2xyz", "\u001b[1mpass: REDACTED"],
  ])("redacts %j", (text, expected) => {
    expect(redactText(text)).toBe(expected);
    expect(redactText(expected)).toBe(expected);
  });

  it.each([
    "pass: true,",
    "pass: number;",
    "pass: 12",
    '"pass": 12',
    '"pass": "yes"',
    'pass: "it did what it should"',
    "pass: 12345.678ms",
    "pwd: process.cwd()",
    "pwd = os.getcwd()",
    "PWD=/home/me2/app",
    'pwd: "/home/me2/app"',
    'pwd: "C:/Users/me2"',
    "--- PASS: TestHandler2 (0.00s)",
    "ok\\nPASS: TestHandler2",
    "\\u001b[32mPASS: TestHandler2",
    "const npass = trespass: a12345678",
    "in a second pass: names are resolved",
    "const bypass: Handler2 = compass = encompass1;",
    "pass: ${DB_PASS}",
    "--pass 2",
    'pass: "#00ff00"',
    'pass: "passed"',
    "TEST_PASS: successful",
    "FSDiscriminatorPass P = FSDiscriminatorPass::Pass1",
    "shadowPass = ShadowPass2::create",
    "if (pass==attempt2)",
    "pwd: 'src/app/'",
    "DB_PASS: string;",
    "readonly STENCIL_DEPTH_PASS: 0x0B96;",
  ])("leaves %j as it is", (text) => {
    expect(redactText(text)).toBe(text);
  });

  it("redacts what stands under one in JSON, but no folder, number or sentence", () => {
    expect(redactJson('{"DB_PASS":"abc12345xyz","pwd":"src/hunter2","smtpPass":"failed-hunter2"}')).toBe(
      '{"DB_PASS":"REDACTED","pwd":"REDACTED","smtpPass":"REDACTED"}',
    );
    const rest =
      '{"pass":12,"pwd":"/home/me2","PWD":"C:\\\\Users\\\\me2","pass":"yes","pass":"all tests passed","pass":"success","pass":"SKIPPED","pwd":"src/app","bypass":"hunter2hunter2"}';
    expect(redactJson(rest)).toBe(rest);
  });
});
