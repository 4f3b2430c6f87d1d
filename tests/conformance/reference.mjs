// A server of the official TypeScript SDK with what MCP's conformance suite asks for: its tools, prompts and resources, in both eras.
//
//   MCP_HOME=… node tests/conformance/reference.mjs
//
// It prints its address, where it has two faces. `/direct` is all that the SDK does: sessions, streams, and questions to the client.
// `/mcp` does as Directus does, for a gateway in front of it: one JSON answer to each request, and nothing kept in between.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const sdk = createRequire(join(process.env.MCP_HOME, "package.json"))("@modelcontextprotocol/server");
const { McpServer, ResourceTemplate, acceptedContent, fromJsonSchema, inputRequired } = sdk;

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const pause = () => new Promise((wake) => setTimeout(wake, 50));
const text = (text) => ({ type: "text", text });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const embedded = (uri, mimeType, text) => ({ type: "resource", resource: { uri, mimeType, text } });
const said = (contents) => contents.map((content) => ({ role: "user", content }));
const object = (properties) => ({ type: "object", properties, required: Object.keys(properties) });
const string = { type: "string" };

function tools(server) {
  const tool = (name, act, properties = {}) =>
    server.registerTool(name, { description: name, inputSchema: fromJsonSchema(object(properties)) }, act);
  const answering = (name, ...content) => tool(name, () => ({ content }));

  answering("test_simple_text", text("This is a simple text response for testing."));
  answering("test_image_content", image);
  answering("test_audio_content", { type: "audio", data: WAV, mimeType: "audio/wav" });
  answering("test_embedded_resource", embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."));
  const mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}');
  answering("test_multiple_content_types", text("Multiple content types test:"), image, mixed);
  tool("test_error_handling", () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  const logs = async (_, { mcpReq }) => {
    for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await mcpReq.log("info", line);
      await pause();
    }
    return { content: [text("It has logged.")] };
  };
  tool("test_tool_with_logging", logs);
  tool("test_logging_tool", logs);
  tool("test_tool_with_progress", async (_, { mcpReq }) => {
    for (const progress of [0, 50, 100]) {
      const progressToken = mcpReq._meta?.progressToken;
      const params = { progressToken, progress, total: 100 };
      if (progressToken !== undefined) await mcpReq.notify({ method: "notifications/progress", params });
      await pause();
    }
    return { content: [text("It has progressed.")] };
  });
  // In one era the SDK asks the client at once, in the other one it answers with what it has to know.
  const asking = (name, request, properties) =>
    tool(name, async (input, { mcpReq }) => {
      const answer = mcpReq.inputResponses?.asked;
      if (!answer || !(acceptedContent(mcpReq.inputResponses, "asked") ?? answer.content ?? answer.roots)) {
        return inputRequired({ inputRequests: { asked: request(input) } });
      }
      return { content: [text(`It has the answer: ${JSON.stringify(answer)}`)] };
    }, properties);
  const elicit = (message, requestedSchema) => inputRequired.elicit({ message, requestedSchema });
  const sample = (prompt) => inputRequired.createMessage({ messages: said([text(prompt)]), maxTokens: 100 });
  asking("test_sampling", ({ prompt }) => sample(prompt), { prompt: string });
  asking("test_missing_capability", () => sample("?"));
  asking("test_input_required_result_sampling", () => sample("What is the capital of France?"));
  asking("test_input_required_result_list_roots", () => inputRequired.listRoots());
  asking("test_input_required_result_elicitation", () => elicit("What is your name?", object({ name: string })));
  asking("test_elicitation", ({ message }) => elicit(message, object({ username: string, email: string })), { message: string });
  asking("test_elicitation_sep1034_defaults", () => elicit("Defaults", object({
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  })));
  const words = ["option1", "option2", "option3"];
  const titled = words.map((word) => ({ const: word, title: `The ${word}` }));
  asking("test_elicitation_sep1330_enums", () => elicit("Enums", object({
    untitledSingle: { type: "string", enum: words },
    titledSingle: { type: "string", oneOf: titled },
    legacyEnum: { type: "string", enum: words, enumNames: words.map((word) => `The ${word}`) },
    untitledMulti: { type: "array", items: { type: "string", enum: words } },
    titledMulti: { type: "array", items: { anyOf: titled } },
  })));
  server.registerTool("json_schema_2020_12_tool", { description: "Keywords", inputSchema: fromJsonSchema({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: { address: { $anchor: "addressDef", type: "object", properties: { street: string, city: string } } },
    properties: { name: string, address: { $ref: "#/$defs/address" }, contactMethod: string, phone: string, email: string },
    allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
    if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
    then: { required: ["phone"] },
    else: { required: ["email"] },
    additionalProperties: false,
  }) }, () => ({ content: [] }));
}

function prompts(server) {
  const prompt = (name, contents, properties) => {
    const argsSchema = properties && fromJsonSchema(object(properties));
    server.registerPrompt(name, { description: name, argsSchema }, (given) => ({ messages: said(contents(given)) }));
  };
  const both = ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)];
  prompt("test_simple_prompt", () => [text("This is a simple prompt for testing.")]);
  prompt("test_prompt_with_arguments", both, { arg1: string, arg2: string });
  prompt("test_prompt_with_embedded_resource", ({ resourceUri }) => [
    embedded(resourceUri, "text/plain", "Embedded resource content for testing."),
    text("Please process the embedded resource above."),
  ], { resourceUri: string });
  prompt("test_prompt_with_image", () => [image, text("Please analyze the image above.")]);
  const completion = { values: ["paris", "park"], total: 2, hasMore: false };
  server.server.setRequestHandler("completion/complete", () => ({ completion }));
}

function resources(server) {
  const resource = (name, at, mimeType, content) =>
    server.registerResource(name, at, { description: name, mimeType }, ({ href: uri }, variables) => ({
      contents: [{ uri, mimeType, ...content(variables) }],
    }));
  resource("static-text", "test://static-text", "text/plain", () => ({ text: "This is the content of the static text resource." }));
  resource("static-binary", "test://static-binary", "image/png", () => ({ blob: PNG }));
  resource("watched", "test://watched-resource", "text/plain", () => ({ text: "Watched" }));
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  const data = ({ id }) => ({ text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) });
  resource("template", template, "application/json", data);
  for (const method of ["resources/subscribe", "resources/unsubscribe"]) server.server.setRequestHandler(method, () => ({}));
}

function reference() {
  const capabilities = { logging: {}, completions: {}, resources: { subscribe: true } };
  const server = new McpServer({ name: "reference", version: "1" }, { capabilities });
  [tools, prompts, resources].forEach((add) => add(server));
  return server;
}

const modern = sdk.createMcpHandler(reference, { legacy: "reject" });
const sessions = new Map();

async function connected(options) {
  const transport = new sdk.WebStandardStreamableHTTPServerTransport(options);
  await reference().connect(transport);
  return transport;
}

async function direct(request) {
  if (!(await sdk.isLegacyRequest(request))) return modern.fetch(request);
  const session = sessions.get(request.headers.get("mcp-session-id"));
  const began = session ?? (await connected({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, began),
  }));
  return began.handleRequest(request);
}

async function asDirectus(request) {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  return (await connected({ sessionIdGenerator: undefined, enableJsonResponse: true })).handleRequest(request);
}

const faces = { "/direct": direct, "/mcp": asDirectus };
const http = createServer(async (incoming, outgoing) => {
  const body = [];
  for await (const piece of incoming) body.push(piece);
  const { method, headers, url } = incoming;
  const init = { method, headers, body: method === "POST" ? Buffer.concat(body) : undefined };
  const request = new Request(new URL(url, `http://127.0.0.1:${http.address().port}`), init);
  const face = faces[url] ?? (() => new Response(null, { status: 404 }));
  const answer = sdk.hostHeaderValidationResponse(request, sdk.localhostAllowedHostnames()) ?? (await face(request));
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  const reader = answer.body?.getReader();
  outgoing.on("close", () => reader?.cancel().catch(() => {}));
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader.read()) outgoing.write(piece.value);
  outgoing.end();
});
http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
