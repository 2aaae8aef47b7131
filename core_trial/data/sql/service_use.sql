-- A row a team and window of `exposure`. Admissions are read once, whatever their number.
CREATE TEMP VIEW windows AS
SELECT
    team,
    max(start_on) FILTER (period = 'before') AS before_start,
    max(end_on) FILTER (period = 'before') AS before_end,
    max(start_on) FILTER (period = 'after') AS after_start,
    max(end_on) FILTER (period = 'after') AS after_end
FROM exposure
GROUP BY team;

-- Spells by the window that holds their admission, with the nights that they spend in either window. `least` passes
-- over a missing discharge, so that an open spell ends with the window.
CREATE TEMP VIEW spells AS
SELECT
    team,
    CASE
        WHEN admitted_on >= before_start AND admitted_on < before_end THEN 'before'
        WHEN admitted_on >= after_start AND admitted_on < after_end THEN 'after'
    END AS period,
    count(*) AS admissions,
    count_if(legal_status = 'detained') AS detained,
    count_if(readmission = 1) AS readmissions,
    count(readmission) AS readmission_known,
    sum(greatest(0, date_diff('day', greatest(admitted_on, before_start), least(discharged_on, before_end))))
        AS nights_before,
    sum(greatest(0, date_diff('day', greatest(admitted_on, after_start), least(discharged_on, after_end))))
        AS nights_after
FROM admissions
JOIN windows USING (team)
GROUP BY ALL;

CREATE TEMP VIEW service_use AS
SELECT
    exposure.team, exposure.period,
    any_value(population) * date_diff('day', any_value(start_on), any_value(end_on)) / 365.25 AS person_years,
    coalesce(sum(admissions) FILTER (spells.period = exposure.period), 0) AS admissions,
    coalesce(sum(detained) FILTER (spells.period = exposure.period), 0) AS detained,
    coalesce(sum(readmissions) FILTER (spells.period = exposure.period), 0) AS readmissions,
    sum(readmission_known) FILTER (spells.period = exposure.period) AS readmission_known,
    coalesce(sum(CASE exposure.period WHEN 'before' THEN nights_before ELSE nights_after END), 0) AS bed_days
FROM exposure
LEFT JOIN spells USING (team)
GROUP BY exposure.team, exposure.period;
