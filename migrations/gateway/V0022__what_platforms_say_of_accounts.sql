-- That an account is closed is remembered for the whole platform: a customer who comes to know it afterwards is told at once,
-- and Atlassian is not asked about it again.
ALTER TABLE gateway.reported_account ADD COLUMN closed_at timestamptz;

-- Since when everything that the product has copied of the account is as its source says; null: since it was first heard of.
-- Atlassian tells what has changed since then.
ALTER TABLE gateway.data_subject ADD COLUMN refreshed_at timestamptz;
