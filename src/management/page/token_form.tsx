/** The form for a new token, and for changes of a token. */

import { useState } from "preact/hooks";
import { call, type NewToken, type Project, type Token } from "./api.ts";
import { Checkbox, Input, Select } from "./controls.tsx";
import { Dialog, FormEnd } from "./dialog.tsx";
import { moment } from "./format.ts";
import { LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { changedRules, type Draft, draftOf, RulesForm } from "./rules_form.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

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

interface FormProps {
  readonly projects: readonly Project[];
  readonly projectId: string;
  readonly onClose: () => void;
  readonly onCreated: (token: NewToken) => void;
  readonly onSaved: (token: Token) => void;
}

/** A dialog that creates a token, or loads the current version of `token` and changes it. */
export function TokenForm({ token, ...rest }: FormProps & { token: Token | undefined }) {
  const loaded = useLoad(
    async (signal) => {
      const read = token && await call<Token>("GET", `/tokens/${token.id}`, { signal });
      return { before: read?.body, etag: read?.etag ?? null };
    },
    "",
  );
  return (
    <Dialog title={token === undefined ? "New token" : `Token ${token.name}`} onClose={rest.onClose}>
      <LoadView loaded={loaded}>{(value) => <Form {...value} {...rest} />}</LoadView>
    </Dialog>
  );
}

function Form({ before, etag, projects, projectId, onClose, onCreated, onSaved }: FormProps & {
  before: Token | undefined;
  /** The ETag of the version in the form. The API rejects the change if another user has saved one since. */
  etag: string | null;
}) {
  // A member may rename an existing token or deactivate it, and nothing else.
  const isFixed = useMe().role === "member" && before !== undefined;
  const [name, setName] = useState(before?.name ?? "");
  const [project, setProject] = useState(projectId || projects[0]?.id || "");
  const [isActive, setActive] = useState(before?.active ?? true);
  const [duration, setDuration] = useState<string>(before === undefined ? "" : KEEP);
  const [start] = useState<Draft>(() => draftOf(before));
  const [draft, setDraft] = useState<Draft>(start);
  const { busy, error, submit } = useSubmit(async () => {
    const rules = changedRules(start, draft);
    if (before === undefined) return onCreated(await create({ name, project, duration, rules }));
    const body = {
      ...(name !== before.name && { name }),
      ...(isActive !== before.active && { active: isActive }),
      ...(duration !== KEEP && { expires_at: expiryOf(duration) }),
      ...rules,
    };
    onSaved((await call<Token>("PATCH", `/tokens/${before.id}`, { body, etag })).body);
  }, () => {});
  return (
    <form onSubmit={submit}>
      <Input
        label="Name"
        help="The person or program that uses the token. The dashboard and the log show this name."
        name="name"
        required
        autofocus
        maxLength={100}
        value={name}
        set={setName}
      />
      {before === undefined && (
        <Select
          label="Project"
          value={project}
          set={setProject}
          options={projects.map((one) => [one.id, one.name] as const)}
        />
      )}
      {!isFixed && (
        <Select
          label="Expires"
          value={duration}
          set={setDuration}
          options={before === undefined ? DURATIONS : [
            [KEEP, `unchanged: ${before.expires_at === null ? "never" : moment(before.expires_at)}`],
            ...DURATIONS,
          ]}
        />
      )}
      {before && before.state !== "revoked" && (!isFixed || before.active) && (
        <Checkbox label="Active" value={isActive} set={setActive} />
      )}
      {isFixed
        ? <p class="help">An administrator or a manager changes the limits, and activates it again.</p>
        : <RulesForm draft={draft} onChange={setDraft} />}
      <FormEnd
        action={before === undefined ? "Create" : "Save"}
        busy={busy}
        error={error}
        onClose={onClose}
      />
    </form>
  );
}

/** Creates a token. `duration` is in minutes; empty for a token that never expires. */
async function create({ name, project, duration, rules }: {
  name: string;
  project: string;
  duration: string;
  rules: ReturnType<typeof changedRules>;
}): Promise<NewToken> {
  const minutes = duration === "" ? null : Number(duration);
  const body = { name, project_id: project, duration_minutes: minutes, ...rules };
  return (await call<NewToken>("POST", "/tokens", { body })).body;
}

/** The time after so many minutes, as the API writes it; null for empty minutes: the token never expires. */
function expiryOf(minutes: string): string | null {
  return minutes === "" ? null : new Date(Date.now() + Number(minutes) * 60_000).toISOString();
}
