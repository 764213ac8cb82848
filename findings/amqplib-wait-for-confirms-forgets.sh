#!/usr/bin/env bash
# One would guess: amqplib's waitForConfirms() rejects if the broker refused any message since it was last called.
# It is so: it looks only at what is unanswered now. A refusal that came a moment earlier is forgotten: it resolves.
set -euo pipefail
place=$(mktemp -d)
started=()
finish() {
  for ((n = ${#started[@]} - 1; n >= 0; n -= 1)); do
    kill "${started[n]}" 2>/dev/null && wait "${started[n]}" 2>/dev/null || true
  done
  rm -rf "$place"
}
trap finish EXIT
cd "$place"
server=/usr/lib/rabbitmq/bin/rabbitmq-server
command -v epmd >/dev/null && [ -x $server ] || { echo "cannot run: needs Debian's rabbitmq-server"; exit 77; }
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" amqplib@2.3.1 >/dev/null
PATH=$place/node_modules/.bin:$PATH

# A RabbitMQ node of its own, on loopback, with nothing of the machine's own.
read -r PORT DIST EPMD < <(node -e '
  const { createServer } = require("node:net");
  const open = [0, 0, 0].map(() => createServer().listen(0, "127.0.0.1"));
  Promise.all(open.map((one) => new Promise((done) => one.once("listening", done)))).then(() => {
    console.log(open.map((one) => one.address().port).join(" "));
    for (const one of open) one.close();
  });')
export PORT HOME=$place ERL_EPMD_PORT=$EPMD ERL_EPMD_ADDRESS=127.0.0.1
umask 077
printf '[].' | tee plugins >advanced.config
printf 'listeners.tcp.1 = 127.0.0.1:%s\nlog.console = false\ndisk_free_limit.absolute = 50MB\n' "$PORT" >rabbitmq.conf
epmd -port "$EPMD" </dev/null >/dev/null 2>&1 &
started+=($!)
env RUNNING_UNDER_SYSTEMD=true RABBITMQ_NODENAME="finding$PORT@localhost" RABBITMQ_DIST_PORT="$DIST" \
  RABBITMQ_MNESIA_BASE="$place/data" RABBITMQ_LOG_BASE="$place/log" RABBITMQ_PID_FILE="$place/pid" \
  RABBITMQ_CONFIG_FILE="$place/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$place/advanced.config" \
  RABBITMQ_ENABLED_PLUGINS_FILE="$place/plugins" RABBITMQ_CONF_ENV_FILE=/dev/null \
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
  $server </dev/null >server.out 2>&1 &
started+=($!)

cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import amqp from 'amqplib';

/** Until the node that has just been started answers. */
async function connect() {
  for (;;) {
    try {
      return await amqp.connect(`amqp://guest:guest@127.0.0.1:${process.env.PORT}`);
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error;
      await pause(200);
    }
  }
}

const connection = await connect();
const { version } = JSON.parse(readFileSync('node_modules/amqplib/package.json'));
console.log(
  `amqplib ${version}, RabbitMQ ${connection.connection.serverProperties.version}, node ${process.version}\n`,
);

// Room for one message; what comes then is refused (basic.nack).
const channel = await connection.createConfirmChannel();
await channel.assertQueue('small', { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
const said = (work) =>
  work.then(
    () => 'resolved',
    (error) => `rejected: ${error.message}`,
  );
const send = (text) => channel.sendToQueue('small', Buffer.from(text));

send('first');
const first = await said(channel.waitForConfirms());
console.log('first message, waitForConfirms at once:               ', first);

send('second');
const second = await said(channel.waitForConfirms());
console.log('second, the queue is full, waitForConfirms at once:   ', second);

// The same once more, but the program has something to do between the two calls, so that the answer is there first.
const refused = once(channel, 'nack');
send('third');
await refused;
const third = await said(channel.waitForConfirms());
console.log('third, the queue is full, waitForConfirms a bit later:', third);

const { messageCount } = await channel.checkQueue('small');
console.log('messages in the queue:                                ', messageCount);
assert.equal(first, 'resolved');
assert.match(second, /nacked/);
assert.equal(third, 'resolved');
assert.equal(messageCount, 1);
console.log(
  '\nSo: a loop that sends for a while and then waits learns of the last refusals alone. Give each publish a callback.',
);
await connection.close();
EOF
timeout 45 node probe.js
