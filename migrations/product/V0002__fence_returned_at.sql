-- When an explicit create or install reopened the way back, in source time. Writes with a source time at or after it pass
-- this fence; everything older stays refused. Null: nobody has come back.
ALTER TABLE milestone_gateway.fence
    ADD COLUMN returned_at timestamptz,
    ADD CONSTRAINT fence_return_is_later CHECK (returned_at > covers_until);
