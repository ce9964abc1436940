-- Whether hours of an issue may bear a mark of ours in the product database. It is committed before the first mark is set and never
-- taken back, so that an issue that is there again is looked for in the product database only when there can be something to find.

-- Of issues that are known already nobody wrote it down, so it is presumed of them.
ALTER TABLE gateway.tree_issue ADD COLUMN hours_may_be_marked boolean NOT NULL DEFAULT TRUE;
ALTER TABLE gateway.tree_issue ALTER COLUMN hours_may_be_marked SET DEFAULT FALSE;
