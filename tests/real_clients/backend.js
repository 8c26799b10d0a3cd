/**
 * A backend as an application has it: it believes a token only if SAP's library does, and answers who that is.
 * Reads its XSUAA binding in VCAP_SERVICES, listens on a free port of loopback, and prints the port.
 */
"use strict";

const { createServer } = require("node:http");
const { createSecurityContext, XsuaaService, errors } = require("@sap/xssec");

const [binding] = JSON.parse(process.env.VCAP_SERVICES).xsuaa;
const service = new XsuaaService(binding.credentials);

async function answer(request) {
  try {
    const caller = await createSecurityContext(service, { req: request });
    const may = ["Read", "Write"].filter((scope) => caller.checkLocalScope(scope));
    return [200, { user: caller.getLogonName(), zone: caller.getZoneId(), may, token: caller.token.jwt }];
  } catch (error) {
    if (!(error instanceof errors.ValidationError)) throw error;
    return [401, { refused: error.name }];
  }
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
