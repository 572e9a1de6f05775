import type { Admission } from "../limits/admission.ts";

/** The admission of a request, as its account uses it. */
export type AccountAdmission = Pick<Admission, "reserve" | "reserveMore" | "handOver" | "settle">;
