-- The queries of pipelines/nexmark, in order, and how each is held against its SQL.
--
-- latest: the topic has a row for each change, and the last row of each of these keys counts.
-- refused: this version cannot run it yet, and says so in these words; a query that is no longer
-- refused fails here until its line is gone.
-- forms: files beside qN.yaml that are the same pipeline.


return {
  { name = "q0" },
  { name = "q1" },
  { name = "q2" },
  { name = "q3", forms = { "q3.lua" } },
  { name = "q4", latest = { "id" } },
  { name = "q5", forms = { "q5.lua" } },
  { name = "q6", latest = { "seller" } },
  { name = "q7" },
  { name = "q8" },
  { name = "q9" },
  { name = "q10" },
  { name = "q11" },
  { name = "q12" },
  { name = "q13", more = "side_input.yaml" },
  { name = "q14" },
  { name = "q15" },
  { name = "q16" },
  { name = "q17" },
  { name = "q18", latest = { "auction", "bidder" } },
  { name = "q19", latest = { "auction", "rank_number" } },
  { name = "q20" },
  { name = "q21" },
  { name = "q22" },
}
