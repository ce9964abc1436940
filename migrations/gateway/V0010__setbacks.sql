-- How work went wrong, counted by what it means. An outage may cost any number of attempts and must end nothing, so the
-- number of attempts alone says too little.
ALTER TABLE gateway.event
    -- Attempts that failed for a reason that time alone does not mend.
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    -- Attempts that ended without a word: their worker died and the lease ran out.
    ADD COLUMN lost_attempts integer NOT NULL DEFAULT 0;
-- Here a panic counts too.
ALTER TABLE gateway.job ADD COLUMN lost_attempts integer NOT NULL DEFAULT 0;
GRANT UPDATE (failures, lost_attempts) ON gateway.event TO gw_queue;
GRANT UPDATE (lost_attempts) ON gateway.job TO gw_queue;

-- What the sweep counts every minute.
CREATE INDEX job_stuck ON gateway.job (state) WHERE state IN ('held', 'dead');
