import { assertEquals } from "@std/assert";
import { invitationLink } from "../../../src/management/page/invitation_link.ts";

const path = "/admin#invite=x";

Deno.test("the link of an invitation is at PUBLIC_URL, wherever the page was opened", () => {
  const invitation = { path, urls: [`https://llm.example.com${path}`], at_public_url: true };
  for (const page of ["http://localhost:33000", "http://192.0.2.1:33000", "https://llm.example.com"]) {
    assertEquals(invitationLink(invitation, new URL(page)), `https://llm.example.com${path}`);
  }
});

Deno.test("the link of an invitation without PUBLIC_URL is at the address of the page, unless only this machine has it", () => {
  const invitation = {
    path,
    urls: [`http://192.0.2.1:33000${path}`, `http://localhost:33000${path}`],
    at_public_url: false,
  };
  for (const page of ["https://proxy.lan", "http://192.0.2.1:33000", "http://localhost.lan:33000"]) {
    assertEquals(invitationLink(invitation, new URL(page)), page + path);
  }
  for (const page of ["http://localhost:33000", "http://127.0.0.1:1", "http://[::1]:33000"]) {
    assertEquals(invitationLink(invitation, new URL(page)), `http://192.0.2.1:33000${path}`);
  }
  assertEquals(
    invitationLink({ ...invitation, urls: [] }, new URL("http://localhost:1")),
    `http://localhost:1${path}`,
  );
});
