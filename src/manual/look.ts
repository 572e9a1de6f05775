/** The style sheet of the manual at `/admin/docs`, light or dark as the browser prefers. */
export const MANUAL_STYLE = `:root { color-scheme: light dark; }
body {
  margin: 0 auto; max-width: 74rem; padding: 1rem; display: grid; gap: 1rem 2rem;
  grid-template-columns: 13rem minmax(0, 1fr);
  font: 1rem/1.55 system-ui, sans-serif;
  color: light-dark(#1f2937, #e5e7eb); background: light-dark(#fff, #111827);
}
nav { display: flex; flex-direction: column; gap: 0.35rem; }
nav a[aria-current] { font-weight: 600; }
a { color: light-dark(#1d4ed8, #93c5fd); }
h1 { margin-top: 0; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre, :not(pre) > code { background: light-dark(#f3f4f6, #1f2937); border-radius: 4px; }
:not(pre) > code { padding: 0.1em 0.25em; overflow-wrap: anywhere; }
pre { padding: 0.75rem; overflow-x: auto; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border: 1px solid light-dark(#d1d5db, #374151); }
@media (max-width: 48rem) {
  body { grid-template-columns: minmax(0, 1fr); }
  nav { flex-flow: row wrap; gap: 0.35rem 1rem; }
}
`;

/** The icon of the manual as SVG, the same as that of the admin page. */
export const MANUAL_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0b62c4"/>
<path d="M6 10h9m0 0 4 6-4 6M6 22h9m4-6h7" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;
