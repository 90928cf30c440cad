import assert from "node:assert/strict";
import test from "node:test";

import { freeId, madeOut, meaning, total } from "../rules.js";

test("a button says what it moves, also a carrier within a rule", () => {
  assert.deepEqual(meaning("add"), { verb: "add", row: "", key: "" });
  assert.deepEqual(meaning("up:r2"), { verb: "up", row: "r2", key: "" });
  assert.deepEqual(meaning("down:otherwise:courier:3"), { verb: "down", row: "otherwise", key: "courier:3" });
  for (const other of ["save", "try", "", "add:r1", "up", "up:", "dance:r1"]) {
    assert.equal(meaning(other), null);
  }
});

test("a new rule gets an id that no other has", () => {
  assert.equal(freeId([]), "r1");
  assert.equal(freeId(["r1", "r3"]), "r2");
});

test("a blank rule is made out to its id, and words are left alone", () => {
  const blank = `<li data-rule="new"><input type="hidden" name="rule" value="new"><label for="id_new-name">a new rule</label>
    <input id="id_new-name" name="new-name" title="new"><button value="up:new"></button>
    <button value="down:new:courier:3"></button><input name="new-part-courier:3" value="">`;
  assert.equal(
    madeOut(blank, "r4"),
    `<li data-rule="r4"><input type="hidden" name="rule" value="r4"><label for="id_r4-name">a new rule</label>
    <input id="id_r4-name" name="r4-name" title="new"><button value="up:r4"></button>
    <button value="down:r4:courier:3"></button><input name="r4-part-courier:3" value="">`,
  );
});

test("parts are summed; what is no part of a hundred has no sum", () => {
  assert.equal(total(["60", " 40", ""]), 100);
  assert.equal(total([]), 0);
  for (const odd of ["1.5", "-1", "many", "1000"]) {
    assert.equal(total(["60", odd]), null);
  }
});
