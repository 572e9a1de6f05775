/** A token as a form. */

import { useState } from "preact/hooks";
import { call, type NewToken, type Project, type Token } from "./api.ts";
import { moment } from "./format.ts";
import { Check, Input, Select } from "./controls.tsx";
import { Dialog, Failure, useSubmit } from "./pieces.tsx";
import { type Draft, draftOf, RulesForm, rulesOf } from "./rules_form.tsx";
import { useLoad } from "./use_load.ts";

const DAY_MINUTES = 24 * 60;
const DURATIONS = [
  ["", "never"],
  [String(60), "in an hour"],
  [String(DAY_MINUTES), "in a day"],
  [String(7 * DAY_MINUTES), "in a week"],
  [String(30 * DAY_MINUTES), "in 30 days"],
  [String(90 * DAY_MINUTES), "in 90 days"],
  [String(365 * DAY_MINUTES), "in a year"],
] as const;
const KEEP = "keep";

export function TokenForm({ token, projects, projectId, onClose, onMade, onSaved }: {
  token: Token | undefined;
  projects: readonly Project[];
  projectId: string;
  onClose: () => void;
  onMade: (token: NewToken) => void;
  onSaved: (token: Token) => void;
}) {
  const [name, setName] = useState(token?.name ?? "");
  const [project, setProject] = useState(projectId || projects[0]?.id || "");
  const [isActive, setActive] = useState(token?.active ?? true);
  const [duration, setDuration] = useState<string>(token === undefined ? "" : KEEP);
  const [draft, setDraft] = useState<Draft>(() => draftOf(token));
  const fresh = useLoad(
    async (signal) => ({ etag: token && (await call("GET", `/tokens/${token.id}`, { signal })).etag }),
    "",
  );
  const { busy, error, submit } = useSubmit(async () => {
    const rules = rulesOf(draft);
    if (token === undefined) {
      const body = {
        name,
        project_id: project,
        duration_minutes: duration === "" ? null : Number(duration),
        ...rules,
      };
      return onMade((await call<NewToken>("POST", "/tokens", { body })).body);
    }
    const body = {
      name,
      ...rules,
      ...(isActive !== token.active && { active: isActive }),
      ...(duration !== KEEP && { expires_at: expiryOf(duration) }),
    };
    onSaved(
      (await call<Token>("PATCH", `/tokens/${token.id}`, { body, etag: fresh.value?.etag ?? null })).body,
    );
  }, () => {});
  return (
    <Dialog title={token === undefined ? "New token" : `Token ${token.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Input
          label="Name"
          help="Who or what it is for; it stands in the usage and in the log."
          name="name"
          required
          maxLength={100}
          value={name}
          set={setName}
        />
        {token === undefined && (
          <Select
            label="Project"
            value={project}
            set={setProject}
            options={projects.map((one) => [one.id, one.name] as const)}
          />
        )}
        <Select
          label="Expires"
          value={duration}
          set={setDuration}
          options={token === undefined ? DURATIONS : [
            [KEEP, `as it is: ${token.expires_at === null ? "never" : moment(token.expires_at)}`],
            ...DURATIONS,
          ]}
        />
        {token && token.state !== "revoked" && <Check label="Active" value={isActive} set={setActive} />}
        <RulesForm draft={draft} onChange={setDraft} />
        {fresh.error && <Failure error={fresh.error} retry={fresh.reload} />}
        {error && <Failure error={error} />}
        <footer>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy || fresh.value === undefined}>
            {token === undefined ? "Create" : "Save"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** In so many minutes; empty is never. */
function expiryOf(minutes: string): string | null {
  return minutes === "" ? null : new Date(Date.now() + Number(minutes) * 60_000).toISOString();
}
