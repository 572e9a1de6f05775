/** The texts of the audit log on the admin page. */

import { assertEquals } from "@std/assert";
import { changesText } from "../../../src/management/page/audit_text.ts";

Deno.test("changesText: nested settings, lists and removed settings", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ name: "anna", active: true }, "name: anna, active: true"],
    [{ max_requests: null }, "max_requests removed"],
    [{ budget: { day_usd: 1, week_usd: null } }, "budget: day_usd: 1, week_usd removed"],
    [{ allowed_models: ["gpt-*", "claude-*"] }, "allowed_models: gpt-*; claude-*"],
    [{ allowed_models: [] }, "allowed_models: none"],
    [
      { model_limits: [{ model: "gpt-*", budget: { day_usd: 2 } }, { model: "*" }] },
      "model_limits: model: gpt-*, budget: day_usd: 2; model: *",
    ],
  ];
  for (const [changes, text] of cases) assertEquals(changesText(changes), text);
});
