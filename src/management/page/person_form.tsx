/** The form for a new person, and for changes of a person. */

import { useState } from "preact/hooks";
import { call, type Person, type Project } from "./api.ts";
import { Checkbox, Input, Select } from "./controls.tsx";
import { Dialog, FormEnd } from "./dialog.tsx";
import { LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

const ROLES = [
  ["member", "member: own tokens and own usage"],
  ["manager", "manager: the tokens and the usage of the projects"],
  ["viewer", "viewer: sees the projects, and changes nothing"],
  ["admin", "admin: everything"],
] as const satisfies readonly (readonly [Person["role"], string])[];

interface FormProps {
  readonly projects: readonly Project[];
  readonly onClose: () => void;
  readonly onSaved: (person: Person) => void;
}

/** A dialog that adds a person, or loads the current version of `person` and changes it. */
export function PersonForm({ person, ...rest }: FormProps & { person: Person | undefined }) {
  const loaded = useLoad(
    async (signal) => {
      const read = person && await call<Person>("GET", `/people/${person.id}`, { signal });
      return { before: read?.body, etag: read?.etag ?? null };
    },
    "",
  );
  return (
    <Dialog title={person === undefined ? "New person" : `Person ${person.name}`} onClose={rest.onClose}>
      <LoadView loaded={loaded}>{(value) => <Form {...value} {...rest} />}</LoadView>
    </Dialog>
  );
}

function Form({ before, etag, projects: all, onClose, onSaved }: FormProps & {
  before: Person | undefined;
  /** The ETag of the version in the form. The API rejects the change if another user has saved one since. */
  etag: string | null;
}) {
  const isSelf = useMe().id === before?.id;
  const [login, setLogin] = useState("");
  const [name, setName] = useState(before?.name ?? "");
  const [role, setRole] = useState<string>(before?.role ?? "member");
  const [projects, setProjects] = useState<Person["projects"]>(before?.projects ?? []);
  const { busy, error, submit } = useSubmit(async () => {
    const reach = { role, projects: role === "admin" ? "all" : projects };
    const body = before === undefined
      ? { login, ...(name !== "" && { name }), ...reach }
      : { ...(name !== before.name && { name }), ...!isSelf && reach };
    return (before === undefined
      ? await call<Person>("POST", "/people", { body })
      : await call<Person>("PATCH", `/people/${before.id}`, { body, etag })).body;
  }, onSaved);
  return (
    <form onSubmit={submit}>
      {before === undefined && (
        <Input
          label="Signs in as"
          help="A name such as anna, or an e-mail address."
          name="login"
          required
          autofocus
          maxLength={100}
          value={login}
          set={setLogin}
        />
      )}
      <Input
        label="Name"
        help={before === undefined ? "Optional: the name that others see." : ""}
        name="name"
        required={before !== undefined}
        maxLength={100}
        value={name}
        set={setName}
      />
      {/* The API lets no administrator change the own role and projects. */}
      {!isSelf && <Select label="Role" value={role} set={setRole} options={ROLES} />}
      {!isSelf && role !== "admin" && <ProjectChoice all={all} chosen={projects} onChange={setProjects} />}
      <FormEnd action={before === undefined ? "Add" : "Save"} busy={busy} error={error} onClose={onClose} />
    </form>
  );
}

function ProjectChoice({ all, chosen, onChange }: {
  all: readonly Project[];
  chosen: Person["projects"];
  onChange: (projects: Person["projects"]) => void;
}) {
  return (
    <fieldset>
      <legend>Projects</legend>
      <Checkbox
        label="All projects, later ones included"
        value={chosen === "all"}
        set={(isAll) => onChange(isAll ? "all" : [])}
      />
      {chosen !== "all" && all.map(({ id, name }) => (
        <Checkbox
          key={id}
          label={name}
          value={chosen.includes(id)}
          set={(isChosen) => onChange(isChosen ? [...chosen, id] : chosen.filter((one) => one !== id))}
        />
      ))}
    </fieldset>
  );
}
