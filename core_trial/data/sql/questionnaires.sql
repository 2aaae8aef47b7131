-- A row a team and wave: means of the people who answered, and how many they were.
CREATE TEMP VIEW patient_answers AS
SELECT
    team, wave,
    avg(csq8_total) AS csq8_mean,
    stddev_samp(csq8_total) AS csq8_sd,
    count(csq8_total) AS csq8_n,
    avg(continuity) AS continuity_mean,
    count(continuity) AS continuity_n
FROM visits
LEFT JOIN patients USING (team, wave)
WHERE wave IS NOT NULL
GROUP BY team, wave;

CREATE TEMP VIEW staff_answers AS
SELECT
    team, wave,
    avg(burnout_exhaustion) AS burnout_exhaustion_mean,
    count(burnout_exhaustion) AS burnout_exhaustion_n,
    avg(burnout_depersonalisation) AS burnout_depersonalisation_mean,
    count(burnout_depersonalisation) AS burnout_depersonalisation_n,
    avg(burnout_accomplishment) AS burnout_accomplishment_mean,
    count(burnout_accomplishment) AS burnout_accomplishment_n,
    avg(work_engagement) AS work_engagement_mean,
    count(work_engagement) AS work_engagement_n,
    avg(ghq12) AS ghq12_mean,
    count(ghq12) AS ghq12_n,
    avg(flexibility) AS flexibility_mean,
    count(flexibility) AS flexibility_n,
    count(coalesce(
        burnout_exhaustion, burnout_depersonalisation, burnout_accomplishment, work_engagement, ghq12, flexibility
    )) AS staff_n
FROM visits
LEFT JOIN staff USING (team, wave)
WHERE wave IS NOT NULL
GROUP BY team, wave;
