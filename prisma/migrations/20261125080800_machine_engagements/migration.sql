-- AlterTable
ALTER TABLE "events" ADD COLUMN     "machine_reason" TEXT;

-- AlterTable
ALTER TABLE "emails" ADD COLUMN     "opens_judged_machine" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "clicks_judged_machine" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "analytics_state" ADD COLUMN     "judged_place" TEXT;
