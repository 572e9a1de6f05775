/** Servers of other projects that are installed on the machine: nginx and HAProxy. */

import { type Candidate, TLS_FILES, UPSTREAM_KEY } from "./candidate.ts";
import { needs } from "./needs.ts";

/** nginx with connections that stay open, without buffers. */
export async function nginxCandidate(folder: string): Promise<Candidate> {
  return {
    name: "nginx",
    kind: "proxy",
    hasTls: true,
    ...await needs("nginx"),
    async command({ listen, upstream, isSecure }) {
      const { protocol, host } = new URL(upstream);
      const file = `${folder}/nginx-proxy-${listen.split(":")[1]}.conf`;
      const tls = isSecure ? `ssl_certificate ${TLS_FILES.cert}; ssl_certificate_key ${TLS_FILES.key};` : "";
      await Deno.writeTextFile(
        file,
        `master_process off; daemon off; error_log /dev/null; pid ${file}.pid; worker_rlimit_nofile 60000;
events { worker_connections 50000; }
http { access_log /dev/null; keepalive_requests 1000000000; client_max_body_size 0; ${tls}
client_body_temp_path ${file}.body; proxy_temp_path ${file}.proxy;
upstream up { server ${host}; keepalive 2048; keepalive_requests 1000000000; }
server { listen ${listen} ${isSecure ? "ssl http2 " : ""}backlog=4096;
location / { proxy_pass ${protocol}//up; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Authorization "Bearer ${UPSTREAM_KEY}"; proxy_buffering off;
proxy_request_buffering off; proxy_read_timeout 1h; } } }`,
      );
      return { args: ["nginx", "-c", file] };
    },
  };
}

/** HAProxy with one thread, which shares its connections to the upstream. */
export async function haproxyCandidate(folder: string): Promise<Candidate> {
  return {
    name: "HAProxy",
    kind: "proxy",
    ...await needs("haproxy"),
    async command({ listen, upstream }) {
      const { protocol, host } = new URL(upstream);
      const file = `${folder}/haproxy-${listen.split(":")[1]}.cfg`;
      await Deno.writeTextFile(
        file,
        `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
  option http-no-delay
frontend clients
  bind ${listen}
  default_backend upstream
backend upstream
  http-request set-header authorization "Bearer ${UPSTREAM_KEY}"
  server one ${host}${protocol === "https:" ? " ssl verify none" : ""}
`,
      );
      return { args: ["haproxy", "-db", "-f", file] };
    },
  };
}
