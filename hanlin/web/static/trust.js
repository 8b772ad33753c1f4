// Trusted Types: htmx parses the server's own HTML through this one policy. Scripts and script addresses made from
// strings stay forbidden, because the policy offers neither.
if (window.trustedTypes) trustedTypes.createPolicy("default", { createHTML: (html) => html });
