-- That an account is closed is remembered for the whole platform: a customer who comes to know it afterwards is told at once,
-- and Atlassian is not asked about it again.
ALTER TABLE gateway.reported_account ADD COLUMN closed_at timestamptz;

-- Personal data of the account has changed; told by the platform, not by a site.
ALTER TABLE gateway.subject_signal DROP CONSTRAINT subject_signal_signal_check;
ALTER TABLE gateway.subject_signal ADD CONSTRAINT subject_signal_signal_check
    CHECK (signal IN ('user_created', 'user_updated', 'user_deleted', 'account_closed', 'account_updated'));

-- Since when everything that the product has copied of the account is as its source says; null: since it was first heard of.
-- Atlassian tells what has changed since then.
ALTER TABLE gateway.data_subject ADD COLUMN refreshed_at timestamptz;
