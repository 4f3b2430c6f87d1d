// The TypeScript SDK's client: one session with a Directus MCP endpoint, direct or through the gateway.
//
//   MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… MCP_HOME=$(tests/clients/install) node tests/clients/client.mjs
//   MCP_HOME=$(tests/clients/install) node tests/clients/client.mjs --stdio COMMAND…
//
// One JSON line a step: initialize, tools/list, read, update, delete. A refused tool call is a result like any other; the
// exit code is 1 where the session itself broke.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Modules are looked up beside the importing file, but the SDK is installed in the cache.
const sdk = createRequire(join(process.env.MCP_HOME, "package.json"));
const load = (name) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/${name}`)).href.replace("/dist/cjs/", "/dist/esm/"));
const { Client } = await load("client/index.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
const { StdioClientTransport } = await load("client/stdio.js");

const print = (step, essentials) => console.log(JSON.stringify({ step, ...essentials }));

async function call(client, step, input) {
  const result = await client.callTool({ name: "items", arguments: input });
  const text = result.content.map((part) => part.text ?? "").join("");
  print(step, { isError: result.isError ?? false, text });
}

const client = new Client({ name: "typescript-sdk", version: "1" });
const [mode, command, ...args] = process.argv.slice(2);
const transport = mode === "--stdio"
  ? new StdioClientTransport({ command, args, env: process.env })
  : new StreamableHTTPClientTransport(new URL(process.env.MCP_URL), {
      requestInit: { headers: { Authorization: `Bearer ${process.env.MCP_KEY}` } },
    });
await client.connect(transport);
print("initialize", { server: client.getServerVersion(), protocol: transport.protocolVersion });

const { tools } = await client.listTools();
print("tools/list", {
  actions: Object.fromEntries(tools.map((tool) => [tool.name, tool.inputSchema.properties?.action?.enum ?? []])),
});

const keys = [2];
await call(client, "read", { action: "read", collection: "articles", keys, query: { fields: ["id", "title"] } });
const data = { title: "Retitled by typescript-sdk" };
await call(client, "update", { action: "update", collection: "articles", keys, data, query: { fields: ["id", "title"] } });
await call(client, "delete", { action: "delete", collection: "articles", keys: [6] });
await client.close();
