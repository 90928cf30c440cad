/** Small valid pieces of the wire for the tests; what a test is about it passes itself. */

/** "10:02" or "10:02:03.500" on the day of the tests, as on the wire. */
export function at(time) {
  return new Date(`2026-02-06T${time}Z`).toISOString();
}

export function card(fields) {
  return {
    id: 1,
    external_id: "x-1",
    number: "1",
    channel: "standard",
    account: "qinghe",
    state: "accepted",
    on_board: true,
    held_reason: "",
    fulfilment: "pickup",
    funding: "paid",
    campaign: null,
    customer: null,
    note: "",
    cups: 1,
    lines: [{ sku: "M", name: "Milk tea", quantity: 1, unit_price: 1500, options: [], note: "" }],
    placed_at: at("10:00"),
    promised_at: null,
    received_at: at("10:00"),
    accepted_at: null,
    started_at: null,
    ready_at: null,
    collected_at: null,
    delivered_at: null,
    ended_at: null,
    urges: 0,
    urge_answered_at: null,
    recovered_at: null,
    expected_at: null,
    complete: true,
    conflict: "",
    request: null,
    undo: null,
    delivery: null,
    ...fields,
  };
}

export function request(fields) {
  const asked = { about: "cancel", step: "applied", at: at("10:00"), reason: "", whole: true };
  return { ...asked, amount: null, ref: "r-1", answer_by: at("10:15"), answered: null, ...fields };
}

export function delivery(fields) {
  return { handoff: 1, carrier: "dada", state: "confirmed", progress: "assigned", rider: "", ...fields };
}

export function intake(fields) {
  return { level: "open", reason: "", actor: "", version: 1, channels: [], ...fields };
}

export function snapshot(fields) {
  const store = { id: 1, code: "SH-01", timezone: "Asia/Shanghai", cups_per_hour: 120 };
  const empty = { cards: [], intake: intake({}), wave: [], seq: 0, at: at("10:00") };
  return { type: "snapshot", epoch: "e", store, ...empty, ...fields };
}

/** An events frame whose events are numbered from `seq`. */
export function events(seq, bodies) {
  const numbered = bodies.map((body, index) => ({
    seq: seq + index,
    at: at("10:00"),
    actor: "Mei",
    ...body,
  }));
  return { type: "events", epoch: "e", seq: seq + Math.max(0, bodies.length - 1), events: numbered };
}
