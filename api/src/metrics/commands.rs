//! The commands of the API, as metrics name them.

macro_rules! commands {
    ($($name:ident = $label:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Command {
            $($name,)*
        }

        impl Command {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The value of the label `command`.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

commands! {
    Hold = "hold",
    CreateChallenge = "create_challenge",
    HoldBatch = "hold_batch",
    Pay = "pay",
    Extend = "extend",
    Cancel = "cancel",
    Refund = "refund",
    Review = "review",
    Transfer = "transfer",
    Exchange = "exchange",
    ReissueTicket = "reissue_ticket",
    CheckIn = "check_in",
    CheckInBatch = "check_in_batch",
    DrawPlan = "draw_plan",
    ScheduleShow = "schedule_show",
    ReviseShow = "revise_show",
    SetPicture = "set_picture",
    RemovePicture = "remove_picture",
    CopyShow = "copy_show",
    PauseSales = "pause_sales",
    ResumeSales = "resume_sales",
    CancelShow = "cancel_show",
    RefundShow = "refund_show",
    OpenBlock = "open_block",
    LiftBlock = "lift_block",
    RedeemVoucher = "redeem_voucher",
    ApplyVoucher = "apply_voucher",
    RemoveVoucher = "remove_voucher",
    IssueVouchers = "issue_vouchers",
    HandOverGoods = "hand_over_goods",
    WithdrawVoucher = "withdraw_voucher",
    EndCampaign = "end_campaign",
    ReplayWebhooks = "replay_webhooks",
    SetLogLevel = "set_log_level",
    Authenticate = "authenticate",
    SignUp = "sign_up",
    SignIn = "sign_in",
    SignOut = "sign_out",
    ChangePassword = "change_password",
    EraseAccount = "erase_account",
    ChangeAccount = "change_account",
    SendVerification = "send_verification",
    ConfirmAddress = "confirm_address",
    RequestPasswordReset = "request_password_reset",
    ResetPassword = "reset_password",
    ClaimBooking = "claim_booking",
    MailBooking = "mail_booking",
}
