-- A row a team and time point: every team at 0 and 12 months, intervention teams also at 6.
CREATE TEMP VIEW visits AS
SELECT team, timepoint, arm, trust, stratum, setting, period, wave
FROM teams
JOIN allocation USING (team)
CROSS JOIN (
    VALUES (0, 'before', 'baseline'), (6, NULL, NULL), (12, 'after', 'follow_up')
) AS planned (timepoint, period, wave)
WHERE timepoint <> 6 OR arm = 'intervention';
