-- The file reviews.sqlite: what people drew and judged, written while they work, by any number of them, so that
-- nobody waits for a night that writes the store. The merge copies judgements into table `review` of the store.
-- Instants are text in UTC, ISO 8601 with microseconds. Rows are never changed, but for `undone_at`.

CREATE TABLE IF NOT EXISTS draw (
    draw_id INTEGER PRIMARY KEY, -- numbered from 1 in the order of drawing
    rule_id TEXT NOT NULL,
    request TEXT NOT NULL, -- what was asked for, JSON object
    population TEXT NOT NULL, -- number of findings by verdict that it was drawn from, JSON object
    drawn TEXT NOT NULL, -- number of findings by verdict that were drawn, JSON object
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)), -- whether verdicts are hidden until the answer
    made_at TEXT NOT NULL, -- when, instant
    made_by TEXT NOT NULL -- who drew it, or the program
) STRICT;

CREATE TABLE IF NOT EXISTS item (
    draw_id INTEGER NOT NULL REFERENCES draw,
    position INTEGER NOT NULL CHECK (position >= 1), -- place in the random order, from 1
    recording_id TEXT NOT NULL, -- 64 hex digits
    rule_version TEXT NOT NULL,
    verdict TEXT NOT NULL, -- the program's, when it was drawn
    second INTEGER NOT NULL CHECK (second IN (0, 1)), -- whether a second reviewer judges it too
    PRIMARY KEY (draw_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS judgement (
    judgement_id INTEGER PRIMARY KEY AUTOINCREMENT,
    recording_id TEXT NOT NULL, -- 64 hex digits
    rule_id TEXT NOT NULL,
    rule_version TEXT NOT NULL,
    verdict TEXT, -- the program's that was judged
    reviewer TEXT NOT NULL,
    reviewed_at TEXT NOT NULL, -- when, instant
    answer TEXT, -- to the rule's question, in the words of the rule; NULL where the verdict itself was judged
    judgement TEXT NOT NULL CHECK (judgement IN ('confirmed', 'wrong', 'unclear')),
    note TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('first', 'second', 'settled', 'unsampled')),
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)), -- whether the verdict was hidden until the answer
    draw_id INTEGER REFERENCES draw,
    position INTEGER, -- of the item in its drawing
    seconds REAL, -- from the card to the answer, in seconds; used for planning only
    plays INTEGER, -- how often the clip was started
    undone_at TEXT -- when it was taken back, instant; NULL for one that stands
) STRICT;

CREATE INDEX IF NOT EXISTS judgement_of_item ON judgement (draw_id, position);
CREATE INDEX IF NOT EXISTS judgement_of_finding ON judgement (recording_id, rule_id, rule_version);

-- Who heard which recording: sound can hold personal data.
CREATE TABLE IF NOT EXISTS access (
    accessed_at TEXT NOT NULL, -- when, instant
    reviewer TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('clip', 'recording', 'call')),
    recording_id TEXT NOT NULL -- 64 hex digits
) STRICT;
