/** The signed-in user, for all parts of the page. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Self } from "./api.ts";
import { type Action, roleMay, viewsOf } from "./views.ts";

/** The signed-in user. Only parts of the page below its provider may read it. */
export const Me = createContext<Self | undefined>(undefined);

/** The signed-in user, with what the role allows. Throws an error outside of a view. */
export function useMe() {
  const me = useContext(Me);
  if (me === undefined) throw new Error("The user is not known here.");
  return {
    ...me,
    views: viewsOf(me.role),
    may: (action: Action) => roleMay(me.role, action),
  };
}
