// A receiver of Mailtalk's webhooks: `WEBHOOK_SECRET=whsec_… node receiver.mjs 9000`. Node 18, nothing else.
// It believes only what is signed and fresh, takes each event once also when it comes again.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const SECRET = process.env.WEBHOOK_SECRET
const TOLERANCE = 300 // seconds that the clocks may differ
const LARGEST = 2_000_000 // bytes
const FILE = process.env.WEBHOOK_SEEN ?? 'seen.jsonl'

const equal = (a, b) => a.length === b.length && timingSafeEqual(a, b)
const isFresh = (moment) => Math.abs(Date.now() / 1000 - moment) <= TOLERANCE

/** Whether one of the signatures of Standard Webhooks is right. */
function isStandard(headers, body) {
  const key = SECRET.startsWith('whsec_') ? Buffer.from(SECRET.slice(6), 'base64') : Buffer.from(SECRET)
  const signed = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`)
  const wanted = Buffer.from('v1,' + signed.update(body).digest('base64'))
  const found = String(headers['webhook-signature']).split(' ').map((each) => equal(Buffer.from(each), wanted))
  return found.includes(true) && isFresh(Number(headers['webhook-timestamp']))
}

/** Whether TalkJS's signature is right: one of the two is enough. While a secret is changed, this is of the new one. */
function isTalkJS(headers, body) {
  const timestamp = headers['x-talkjs-timestamp']
  const wanted = createHmac('sha256', SECRET).update(`${timestamp}.`).update(body).digest('hex').toUpperCase()
  return equal(Buffer.from(String(headers['x-talkjs-signature'])), Buffer.from(wanted)) && isFresh(timestamp / 1000)
}

// What was taken, over restarts; here in a file, in your program where its data is.
const seen = new Set()
const places = new Map()

function remember({ id, conversationId, sequence }) {
  seen.add(id)
  places.set(conversationId, Math.max(places.get(conversationId) ?? 0, sequence ?? 0))
}

if (existsSync(FILE)) readFileSync(FILE, 'utf8').split('\n').filter(Boolean).forEach((line) => remember(JSON.parse(line)))

/** Undefined for a repeat; else whether the event is the newest of its conversation so far. */
function take(event) {
  if (seen.has(event.id)) return undefined
  const newest = (event.sequence ?? 0) > (places.get(event.conversationId) ?? -1)
  const { id, conversationId, sequence } = event
  appendFileSync(FILE, JSON.stringify({ id, conversationId, sequence }) + '\n')
  remember(event)
  return newest
}

/** Do what you want to do; this prints. */
function handle(event, newest) {
  console.log(JSON.stringify({ id: event.id, type: event.type, sequence: event.sequence, newest }))
}

createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end()
  const parts = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > LARGEST) return answer(413)
    parts.push(part)
  }
  const body = Buffer.concat(parts)
  if (!isStandard(request.headers, body) && !isTalkJS(request.headers, body)) return answer(401)
  const event = JSON.parse(body)
  const newest = take(event)
  if (newest !== undefined) handle(event, newest)
  answer(204)
}).listen(Number(process.argv[2]), '127.0.0.1')
