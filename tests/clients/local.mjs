// The TypeScript SDK's client in front of a Local MCP's tools: one session through the gateway.
//
//   MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… MCP_HOME=$(tests/clients/install typescript-before) node tests/clients/local.mjs
//
// One JSON line a step, as client.mjs has them.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const sdk = createRequire(join(process.env.MCP_HOME, "package.json"));
const load = (name) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/${name}`)).href.replace("/dist/cjs/", "/dist/esm/"));
const { Client } = await load("client/index.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");

const print = (step, essentials) => console.log(JSON.stringify({ step, ...essentials }));

const client = new Client({ name: "typescript-sdk", version: "1" });
const requestInit = { headers: { Authorization: `Bearer ${process.env.MCP_KEY}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(process.env.MCP_URL), { requestInit }));
print("initialize", { server: client.getServerVersion() });
const { tools } = await client.listTools();
print("tools/list", { names: tools.map((tool) => tool.name) });

async function call(step, name, input) {
  const result = await client.callTool({ name, arguments: input });
  print(step, { isError: result.isError ?? false, text: result.content.map((part) => part.text ?? "").join("") });
}

const fields = { fields: ["id", "title"] };
await call("read", "read-items", { collection: "articles", query: { ...fields, filter: { id: { _eq: 2 } } } });
await call("update", "update-item", { collection: "articles", id: 2, data: { title: "Retitled by typescript-sdk" }, query: fields });
await call("delete", "delete-item", { collection: "articles", id: 6 });
await call("delete by a relation", "update-item", { collection: "articles", id: 1, data: { reviews: [] }, query: fields });
await call("read a token", "read-users", { query: { fields: ["email", "token"] } });
await client.close();
