import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AccountRequest {
  at: number;
  session: string;
  /** Status of the answer; 200: by the API behind. */
  status: number;
}

export interface Refusal {
  status: number;
  message: string;
}

/** Stands before a Messages API and refuses turns as long as it is set to: the trouble of an account. */
export interface SharedAccount extends AsyncDisposable {
  url: string;
  /** Null: turns are passed on. */
  refusal: Refusal | null;
  /** Requests in which an agent works, oldest first. */
  requests: AccountRequest[];
}

export async function startSharedAccount(apiUrl: string): Promise<SharedAccount> {
  const target = new URL(apiUrl);
  const requests: AccountRequest[] = [];
  let refusal: Refusal | null = null;
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const isTurn = request.url?.startsWith('/v1/messages') === true && asksWithTools(body);
      if (isTurn) {
        const session = String(request.headers['x-claude-code-session-id'] ?? '');
        requests.push({ at: Date.now(), session, status: refusal?.status ?? 200 });
        if (refusal !== null) return refuse(response, refusal);
      }
      const { method, headers, url } = request;
      const onward = http.request(
        { host: target.hostname, port: target.port, method, path: url, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get refusal() {
      return refusal;
    },
    set refusal(next) {
      refusal = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function asksWithTools(body: Buffer): boolean {
  try {
    const { tools } = JSON.parse(body.toString('utf8')) as { tools?: unknown };
    return Array.isArray(tools) && tools.length > 0;
  } catch {
    return false;
  }
}

function refuse(response: http.ServerResponse, { status, message }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  const type = status === 401 ? 'authentication_error' : status === 429 ? 'rate_limit_error' : 'overloaded_error';
  response.end(JSON.stringify({ type: 'error', error: { type, message } }));
}
