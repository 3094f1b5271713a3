// Runs graphql-http's audit of the GraphQL-over-HTTP draft.
// {url, user} -> {results: [{id, name, status, reason}]}
import { serverAudits } from "graphql-http";

const { url, user } = JSON.parse(process.argv[2]);
const asUser = (address, init = {}) => fetch(address, { ...init, headers: { "x-user-id": user, ...init.headers } });

const results = [];
for (const audit of serverAudits({ url: `${url}/graphql`, fetchFn: asUser })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify({ results }));
