// The TypeScript SDK's client: one session with a Directus MCP endpoint, direct or through the gateway.
//
//   MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… MCP_HOME=$(tests/clients/install typescript) node tests/clients/client.mjs
//   MCP_HOME=$(tests/clients/install typescript) node tests/clients/client.mjs --stdio COMMAND…
//
// MCP_HOME says which SDK: 2.x (`typescript`), or 1.x (`typescript-before`). MCP_ERA is `modern`, which only 2.x speaks, and which it looks
// for with `server/discover`; or `legacy`, with an `initialize`. MCP_NAME is what it calls itself.
//
// Without MCP_KEY there is no header: the key is in MCP_URL, or there is none.
// MCP_SIGN_IN is a client's id and secret, ID:SECRET: it then has no key, and finds out by itself where to ask for a token.
//
// One JSON line a step: initialize, tools/list, read, update, delete. A refused tool call is a result like any other; the
// exit code is 1 where the session itself broke.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { MCP_URL, MCP_KEY, MCP_HOME, MCP_NAME = "typescript-sdk", MCP_ERA = "legacy", MCP_SIGN_IN } = process.env;
const client1 = "@modelcontextprotocol/sdk";
const client2 = "@modelcontextprotocol/client";

// Modules are looked up beside the importing file, but the SDK is installed in the cache.
const sdk = createRequire(join(MCP_HOME, "package.json"));
const load = (name) => {
  const esm = sdk.resolve(name).replace("/dist/cjs/", "/dist/esm/").replace(/\.cjs$/, ".mjs");
  return import(pathToFileURL(esm).href);
};
const isNew = existsSync(join(MCP_HOME, "node_modules", client2));
const { Client } = await load(isNew ? client2 : `${client1}/client/index.js`);
const { StdioClientTransport } = await load(isNew ? `${client2}/stdio` : `${client1}/client/stdio.js`);
const { StreamableHTTPClientTransport } = await load(isNew ? client2 : `${client1}/client/streamableHttp.js`);

const { ClientCredentialsProvider } = await load(isNew ? client2 : `${client1}/client/auth-extensions.js`);

const print = (step, essentials) => console.log(JSON.stringify({ step, ...essentials }));

async function call(client, step, input) {
  const result = await client.callTool({ name: "items", arguments: input });
  const text = result.content.map((part) => part.text ?? "").join("");
  print(step, { isError: result.isError ?? false, text });
}

const [how, command, ...args] = process.argv.slice(2);
const mode = MCP_ERA === "modern" ? "auto" : "legacy";
const client = new Client({ name: MCP_NAME, version: "1" }, { versionNegotiation: { mode } });
const [clientId, clientSecret] = MCP_SIGN_IN?.split(":") ?? [];
const credentials = MCP_SIGN_IN
  ? { authProvider: new ClientCredentialsProvider({ clientId, clientSecret }) }
  : { requestInit: { headers: MCP_KEY ? { Authorization: `Bearer ${MCP_KEY}` } : {} } };
const transport = how === "--stdio"
  ? new StdioClientTransport({ command, args, env: process.env })
  : new StreamableHTTPClientTransport(new URL(MCP_URL), credentials);
await client.connect(transport);
const protocol = isNew ? client.getNegotiatedProtocolVersion() : transport.protocolVersion;
print("initialize", { server: client.getServerVersion(), protocol });

const { tools } = await client.listTools();
print("tools/list", {
  actions: Object.fromEntries(tools.map((tool) => [tool.name, tool.inputSchema.properties?.action?.enum ?? []])),
});

const keys = [2];
await call(client, "read", { action: "read", collection: "articles", keys, query: { fields: ["id", "title"] } });
const data = { title: `Retitled by ${MCP_NAME}` };
await call(client, "update", { action: "update", collection: "articles", keys, data, query: { fields: ["id", "title"] } });
await call(client, "delete", { action: "delete", collection: "articles", keys: [6] });
await client.close();
