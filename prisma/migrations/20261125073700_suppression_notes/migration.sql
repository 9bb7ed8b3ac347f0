-- AlterTable
ALTER TABLE "suppressions" ADD COLUMN     "added_by" TEXT,
ADD COLUMN     "note" TEXT,
ADD COLUMN     "removal_note" TEXT,
ADD COLUMN     "removed_by" TEXT;
